"""What is reported of earnings days, held against what is stored: every change is a new row, and no row is rewritten.

A day is the same *event* as another one when a company can't have had results twice so close to each other. All
functions run inside the caller's write transaction.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Final

import polars as pl
from sqlmodel import Session

from app.core.clock import calendar
from app.prices.store import sql, write
from app.prices.store.earnings import EARNINGS

ASSUMED_AHEAD: Final = 10
"""A day first seen after it had passed counts as known from the close of so many sessions before it: an assumption.

Companies announce the day one to four weeks ahead, and no source says when they did. Only the day and its timing are
taken for known ahead, never what was reported on it."""
SAME_QUARTER: Final = timedelta(days=45)
"""A day to come that is reported anew within so many days of another one is that one, moved."""
SAME_DAY: Final = timedelta(days=5)
"""Of one past event two sources may name days so far apart (the release, its filing); the first one reported stays."""
_OPEN: Final = time(9, 30)
_COLUMNS: Final = "symbol, kind, date, timing, source, known_at, first_seen, last_seen"


@dataclass(frozen=True)
class EventCounts:
    """What became of reported days: new ones, corrected ones (timing, since when known), ended ones, and the rest."""

    new: int = 0
    revised: int = 0
    ended: int = 0
    unchanged: int = 0

    def __add__(self, other: EventCounts) -> EventCounts:
        return EventCounts(*(mine + its for mine, its in zip(vars(self).values(), vars(other).values(), strict=True)))


@dataclass(frozen=True)
class QueryScope:
    """What a source was asked: for all days of these symbols in [start, end]."""

    symbols: Collection[str]
    start: date
    end: date

    def covers(self, symbol: str, day: date) -> bool:
        """Say whether the source would have reported this day."""
        return self.start <= day <= self.end and symbol in self.symbols


@dataclass(frozen=True)
class _Day:
    """A stored, open row; or a reported one, with the id 0, and with `known_at` only where that was reported."""

    id: int
    timing: str
    source: str
    known_at: datetime | None


@dataclass
class _Changes:
    """What one symbol's days come to: rows to add, ids to end, ids that were seen again."""

    add: dict[date, _Day]
    end: list[int]
    seen: list[int]
    revised: int = 0


def update(
    db: Session, reported: pl.DataFrame, source: str, now: datetime, scope: QueryScope | None = None
) -> EventCounts:
    """Store reported days (`frame.REPORTED_SCHEMA`, one row a symbol and date) as they are known from now on.

    A day to come that is reported otherwise ends: moved where another one is reported within `SAME_QUARTER`, by any
    source; vanished where `scope` covers it and this source had reported it. A past day is never ended by silence. An
    unknown timing never replaces a known one. Reporting the same again changes nothing but `last_seen`.
    """
    asked = set(scope.symbols) if scope else set()
    held = _open_days(db, sorted(asked.union(reported["symbol"])))
    reports: dict[str, dict[date, _Day]] = {symbol: {} for symbol in held}
    for symbol, day, timing, known_at in reported.select("symbol", "date", "timing", "known_at").iter_rows():
        reports[symbol][day] = _Day(0, timing, source, known_at)
    kept, changed = EventCounts(), list[str]()
    for symbol, days in reports.items():
        covered = partial(scope.covers, symbol) if scope else lambda _: False
        changes = _compared(held[symbol], days, source, covered, now)
        _write(db, symbol, changes, now)
        changed += [symbol] if changes.add or changes.end else []
        new, ended = len(changes.add) - changes.revised, len(changes.end) - changes.revised
        kept += EventCounts(new, changes.revised, ended, len(days) - len(changes.add))
    write.touch(db, changed)
    return kept


def _open_days(db: Session, symbols: list[str]) -> dict[str, dict[date, _Day]]:
    """Return the days of each symbol that are believed now."""
    held: dict[str, dict[date, _Day]] = {symbol: {} for symbol in symbols}
    rows = sql.run(
        db,
        "SELECT symbol, date, id, timing, source, known_at FROM event"
        f" WHERE kind = ? AND ended_at IS NULL AND symbol IN {sql.among(db)}",
        [EARNINGS, json.dumps(symbols)],
    )
    for symbol, day, number, timing, source, known_at in rows:
        held[symbol][sql.to_date(day)] = _Day(number, timing, source, sql.to_instant(known_at))
    return held


def _compared(
    held: dict[date, _Day], reports: dict[date, _Day], source: str, covered: Callable[[date], bool], now: datetime
) -> _Changes:
    changes = _Changes({}, [], [])
    for day, report in reports.items():
        known = held.get(day)
        if known is None:
            if not (_is_past(day, report.timing, now) and _reported_elsewhere(day, report, held)):
                changes.add[day] = report
        elif (better := _better(known, report, _is_past(day, report.timing, now))) is not None:
            changes.add[day] = better
            changes.end.append(known.id)
            changes.revised += 1
        else:
            changes.seen.append(known.id)
    anew = [day for day, one in changes.add.items() if day not in held and not _is_past(day, one.timing, now)]
    for day, known in held.items():
        vanished = known.source == source and covered(day)
        moved = any(abs(other - day) <= SAME_QUARTER for other in anew)
        if (vanished or moved) and day not in reports and not _is_past(day, known.timing, now):
            changes.end.append(known.id)
    return changes


def _reported_elsewhere(day: date, report: _Day, held: dict[date, _Day]) -> bool:
    return any(other.source != report.source and abs(at - day) <= SAME_DAY for at, other in held.items())


def _better(known: _Day, report: _Day, is_past: bool) -> _Day | None:
    """Return the row that replaces the known one, None where the report adds nothing to it.

    Of a past day a timing counts from when the day did: it came with history. Of one to come, from now on.
    """
    timing = known.timing if report.timing == "unknown" else report.timing
    if report.known_at not in {None, known.known_at}:
        return replace(report, timing=timing)
    if timing == known.timing:
        return None
    return replace(report, timing=timing, known_at=known.known_at if is_past else None)


def _write(db: Session, symbol: str, changes: _Changes, now: datetime) -> None:
    moment = sql.instant(db, now)
    sql.change_many(db, "UPDATE event SET last_seen = ? WHERE id = ?", [(moment, number) for number in changes.seen])
    sql.change_many(db, "UPDATE event SET ended_at = ? WHERE id = ?", [(moment, number) for number in changes.end])
    rows = [
        (symbol, EARNINGS, sql.day(day), one.timing, one.source, sql.instant(db, _known_at(day, one, now)))
        for day, one in sorted(changes.add.items())
    ]
    sql.change_many(
        db, f"INSERT INTO event ({_COLUMNS}) VALUES ({sql.marks(8)})", [(*row, moment, moment) for row in rows]
    )


def _known_at(day: date, report: _Day, now: datetime) -> datetime:
    if report.known_at is not None:
        return report.known_at
    return assumed_known_at(day) if _is_past(day, report.timing, now) else now


def assumed_known_at(day: date) -> datetime:
    """Return from when a day that came with history counts as known; see `ASSUMED_AHEAD`."""
    session = day
    for _ in range(ASSUMED_AHEAD):
        session = calendar().previous_session(session)
    return calendar().close_at(session)


def _is_past(day: date, timing: str, now: datetime) -> bool:
    """Say whether the results were out at an instant: by the open for `bmo`, by the usual close for the others.

    Sources give New York's time, whatever the exchange.
    """
    days = calendar()
    at = _OPEN if timing == "bmo" else days.usual_close
    return now >= datetime.combine(day, at, tzinfo=days.timezone)
