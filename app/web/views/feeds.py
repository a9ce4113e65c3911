"""What others subscribe to: coming results days as iCalendar, decisions on models as Atom."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from app.prices.store import EarningsDay
from app.registry.promotion.tables import DecisionRow
from app.web.edge import formats
from app.web.views.results import WHEN

OCTETS: Final = 75
"""No line of a calendar is longer (RFC 5545, 3.1)."""
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def calendar(days: Sequence[EarningsDay], base: str) -> str:
    """Return results days as a calendar of whole days; a day keeps its UID while its time becomes known."""
    known: dict[tuple[object, str], EarningsDay] = {}
    for one in days:
        if (one.date, one.symbol) not in known or one.timing != "unknown":
            known[one.date, one.symbol] = one
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Nextclose//Results days//EN", "METHOD:PUBLISH"]
    lines += ["X-WR-CALNAME:Results days", "REFRESH-INTERVAL;VALUE=DURATION:PT6H"]
    for one in known.values():
        lines += _event(one, base)
    return "".join(f"{folded}\r\n" for line in (*lines, "END:VCALENDAR") for folded in _folded(line))


def _event(one: EarningsDay, base: str) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{_text(f'{one.symbol}-{one.date:%Y%m%d}-results@nextclose')}"
    yield f"DTSTAMP:{one.first_seen.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    yield f"DTSTART;VALUE=DATE:{one.date:%Y%m%d}"
    yield f"DTEND;VALUE=DATE:{one.date + timedelta(days=1):%Y%m%d}"
    yield f"SUMMARY:{_text(f'{one.symbol} results {WHEN[one.timing]}')}"
    yield f"DESCRIPTION:{_text(f'Known since {formats.instant(one.known_at)}, from {formats.source(one.source)}.')}"
    yield f"URL:{base}stocks/{one.symbol}"
    yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"


def _text(value: str) -> str:
    """Escape a text value (RFC 5545, 3.3.11)."""
    escaped = value.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return "\\n".join(escaped.splitlines())


def _folded(line: str) -> Iterator[str]:
    """Yield a line in pieces of at most 75 octets, the later ones after a blank; no character is cut in two."""
    piece, size = "", 0
    for character in line:
        octets = len(character.encode())
        if size + octets > OCTETS:
            yield piece
            piece, size = " ", 1
        piece, size = piece + character, size + octets
    yield piece


def entries(rows: Iterable[DecisionRow]) -> list[dict[str, object]]:
    """Return what a feed says of each decision: an id for good, kind, version, reason and when."""
    return [
        {
            "id": uuid5(NAMESPACE_URL, f"nextclose decision {row.id} {row.version} {row.decided_at.isoformat()}"),
            "kind": row.kind,
            "version": row.version,
            "reason": _NOT_XML.sub("", row.reason),
            "at": row.decided_at,
        }
        for row in rows
    ]


def updated(rows: Sequence[DecisionRow]) -> datetime:
    """Return when the newest decision was made; the epoch before the first."""
    return rows[0].decided_at if rows else datetime.fromtimestamp(0, UTC)
