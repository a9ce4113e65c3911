"""What is fetched beside the watchlist's prices, and after them: market series and earnings days."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from app.core.clock import Clock, wall
from app.core.db import Database
from app.core.progress import Progress, silent, within
from app.core.settings import Settings
from app.prices import store
from app.prices.outcomes import DOWN, RefreshReport
from app.prices.refresh.earnings import BUDGET_S, REPORTED_AS, refresh_earnings
from app.prices.refresh.run import refresh_one
from app.prices.sources.protocol import EarningsSource, PriceSource
from app.prices.store import write
from app.prices.symbols import is_series

SERIES_S: Final = 10.0
"""A series is waited for no longer: forecasts stand without it."""


def refresh_beside(
    settings: Settings,
    database: Database,
    source: PriceSource,
    clock: Clock,
    prices: Sequence[RefreshReport],
    symbols: Sequence[str] | None = None,
    budget_s: float = BUDGET_S,
    progress: Progress = silent,
) -> list[RefreshReport]:
    """Bring the settings' series, and the earnings days of these symbols or the watchlist, up to date.

    `prices` is how their prices went: where the source was down for all of them, nothing else is asked. With symbols
    named, only their earnings days. Returns a report a series, and one of the earnings days where the source has any;
    a failure is in the reports, never raised.
    """
    days = source if settings.events != "off" and isinstance(source, EarningsSource) else None
    if prices and all(report.outcome in DOWN for report in prices):
        progress(1.0, "series and earnings days are asked for when the source is back")
        lacking = RefreshReport(REPORTED_AS, prices[0].outcome, detail="not asked: no price could be had")
        return [lacking] if days else []
    series = [] if symbols is not None or source.name == write.SAMPLE else settings.market_series
    since = wall()
    reports = [refresh_one(database, source, clock, one, since, limit_s=SERIES_S, attempts=1) for one in series]
    with database.read() as db:
        watched = store.watchlist(db)
    wanted = watched if symbols is None else [symbol for symbol in symbols if not is_series(symbol)]
    progress(0.1, "market series are there")
    if not days or not wanted:
        progress(1.0, "no earnings days are asked for")
        return reports
    reported = refresh_earnings(database, days, clock, wanted, budget_s, within(progress, 0.1, 1.0))
    progress(1.0, f"earnings days: {reported.outcome}")
    return [*reports, reported]
