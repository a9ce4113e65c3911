"""What stands around every page: the notices on the prices' origin and age."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Request

from app.prices.store import SymbolStatus
from app.web.edge import formats, security
from app.web.edge.deps import Services
from app.web.edge.render import Frame, Notice

SAMPLE = "sample"


def frame(
    request: Request,
    services: Services,
    shown: Sequence[SymbolStatus],
    twin: str | None = None,
    reload_s: int | None = None,
) -> Frame:
    """Build a page's frame; the notices are about the symbols that it shows."""
    return Frame(notices(services, shown), security.may_change(request), twin, reload_s)


def notices(services: Services, shown: Sequence[SymbolStatus]) -> tuple[Notice, ...]:
    """Say plainly when prices are the bundled sample, or lack final sessions."""
    priced = [status for status in shown if status.last is not None]
    sample = [status for status in priced if status.source == SAMPLE]
    if sample:
        return (Notice("sample", _sample_text(services, sample)),)
    late = [(services.sessions_behind(status) or 0, status) for status in priced]
    worst = max(late, key=lambda pair: pair[0], default=(0, None))
    if worst[0] == 0 or worst[1] is None:
        return ()
    return (Notice("stale", _stale_text(*worst, sum(count > 0 for count, _ in late), len(priced))),)


def _sample_text(services: Services, sample: Sequence[SymbolStatus]) -> str:
    years = [day.year for status in sample for day in (status.first, status.last) if day]
    text = f"Sample prices, {min(years)}-{max(years)}"
    return text if services.settings.source == SAMPLE else f"{text}; no connection to Yahoo"


def _stale_text(sessions: int, status: SymbolStatus, late: int, shown: int) -> str:
    plural = "session" if sessions == 1 else "sessions"
    whose = f"{status.symbol} ends" if shown == 1 or late < shown else "Prices end"
    text = f"{whose} {formats.day(status.last, weekday=True)}, {sessions:,} {plural} behind"
    return f"{text}. Last refresh: {status.error}" if status.error else text
