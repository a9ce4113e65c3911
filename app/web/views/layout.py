"""What stands around every page: the notices on the prices' origin and age."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fastapi import Request
from starlette.responses import Response

from app.core.public import counted
from app.jobs import runs
from app.prices.store import SymbolStatus
from app.prices.store.write import SAMPLE
from app.web.edge import formats, render, security
from app.web.edge.deps import Services
from app.web.edge.render import Layout, Notice

LOOK_AGAIN_S = 2
"""After so long a page asks again whose contents are under way."""


def page(
    request: Request,
    services: Services,
    name: str,
    twin: str,
    shown: Sequence[SymbolStatus] = (),
    reload_s: int | None = None,
    **context: Any,
) -> Response:
    """Render a page within its layout; the notices are about the symbols that it shows."""

    def told() -> tuple[Notice, ...]:
        return (*notices(services, shown), *_expiry(services), *_unproven(services))

    return render.page(request, name, around(request, told, twin, reload_s), **context)


def around(
    request: Request,
    told: Callable[[], tuple[Notice, ...]] = tuple,
    twin: str | None = None,
    reload_s: int | None = None,
) -> Layout:
    """Return the layout for who asks: with the buttons, or with where to sign in."""
    standing = security.standing(request)
    may_change = standing != "guest"
    query = f"?{request.url.query}" if request.url.query else ""
    to_login = None if may_change else render.sign_in(request.url.path + query)
    return Layout(told, may_change, standing == "signed in", to_login, twin, reload_s)


def notices(services: Services, shown: Sequence[SymbolStatus]) -> tuple[Notice, ...]:
    """Say plainly when prices are the bundled sample, or lack final sessions."""
    priced = [status for status in shown if status.last is not None]
    sample = [status for status in priced if status.source == SAMPLE]
    if sample:
        return (Notice("sample", _sample_text(services, sample)),)
    late = [(behind or 0, status) for behind, status in zip(services.all_behind(priced), priced, strict=True)]
    worst = max(late, key=lambda pair: pair[0], default=(0, None))
    if worst[0] == 0 or worst[1] is None:
        return ()
    return (Notice("stale", _stale_text(*worst, sum(count > 0 for count, _ in late), len(priced))),)


def _expiry(services: Services) -> tuple[Notice, ...]:
    """Say that the champion is too old, where it is: its figures are those of younger models."""
    if (expired := services.forecaster.expired()) is None:
        return ()
    through, ago = formats.day(expired[0]), counted(expired[1], "session")
    return (Notice("expired", f"The model is out of date: it learnt through {through}, {ago} ago"),)


def _unproven(services: Services) -> tuple[Notice, ...]:
    """Say plainly when the champion is a first one whose proofs are still to come."""
    if services.owing() is None:
        return ()
    with services.database.read() as db:
        how = "are running" if runs.is_proving(db) else "haven't run yet"
    return (Notice("unproven", f"The proofs of the first model {how}; it is withdrawn if one fails"),)


def _sample_text(services: Services, sample: Sequence[SymbolStatus]) -> str:
    years = [day.year for status in sample for day in (status.first, status.last) if day]
    text = f"Sample prices, {min(years)} to {max(years)}"
    return text if services.settings.source == SAMPLE else f"{text}; no connection to Yahoo"


def _stale_text(sessions: int, status: SymbolStatus, late: int, shown: int) -> str:
    whose = f"{status.symbol} ends" if shown == 1 or late < shown else "Prices end"
    text = f"{whose} {formats.day(status.last, weekday=True)}, {counted(sessions, 'session')} behind"
    return f"{text}. Last refresh: {status.error}" if status.error else text
