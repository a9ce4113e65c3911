"""What is fetched beside the watchlist's prices, and after them: market series and earnings days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.core.clock import Clock, wall
from app.core.db import Database
from app.core.progress import Progress, silent, within
from app.core.settings import Settings
from app.prices import store
from app.prices.outcomes import DOWN, RefreshReport
from app.prices.refresh.earnings import BUDGET_S, REPORTED_AS, refresh_earnings
from app.prices.refresh.run import refresh_one
from app.prices.sources.guard import side_guard_of
from app.prices.sources.protocol import EarningsSource, PriceSource
from app.prices.store import write
from app.prices.symbols import is_series

SERIES_S: Final = 10.0
"""A series is waited for no longer: forecasts stand without it."""


@dataclass(frozen=True)
class Beside:
    """Reports of the series, and of the earnings days in one line; None where nothing was to be asked."""

    series: list[RefreshReport]
    earnings: RefreshReport | None

    @property
    def reports(self) -> list[RefreshReport]:
        """Return all of them."""
        return [*self.series, *([self.earnings] if self.earnings else [])]


def refresh_beside(
    settings: Settings,
    database: Database,
    source: PriceSource,
    clock: Clock,
    prices: Sequence[RefreshReport],
    symbols: Sequence[str] | None = None,
    budget_s: float = BUDGET_S,
    progress: Progress = silent,
) -> Beside:
    """Bring the settings' series, and the earnings days of these symbols or the watchlist, up to date.

    `prices` is how their prices went: where the source was down for all of them, nothing else is asked. With symbols
    named, only their earnings days. A failure is in the reports, never raised.
    """
    has_days = settings.events != "off" and isinstance(source, EarningsSource)
    if prices and all(report.outcome in DOWN for report in prices):
        progress(1.0, "series and earnings days are asked for when the source is back")
        reported = RefreshReport(REPORTED_AS, prices[0].outcome, detail="not asked: no price could be had")
        return Beside([], reported if has_days else None)
    series = [] if symbols is not None or source.name == write.SAMPLE else settings.market_series
    since = wall()
    fetched = [refresh_one(database, source, clock, one, since, limit_s=SERIES_S, attempts=1) for one in series]
    with database.read() as db:
        watched = store.watchlist(db)
    wanted = watched if symbols is None else [symbol for symbol in symbols if not is_series(symbol)]
    progress(0.1, "market series are there")
    if not has_days or not isinstance(source, EarningsSource) or not wanted:
        progress(1.0, "no earnings days are asked for")
        return Beside(fetched, None)
    reported = refresh_earnings(
        database, source, source.name, side_guard_of(source), clock, wanted, budget_s, within(progress, 0.1, 1.0)
    )
    progress(1.0, f"earnings days: {reported.outcome}")
    return Beside(fetched, reported)
