"""Find prices for a store that has none."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import polars as pl

from app.core import log
from app.core.clock import DEFAULT_EXCHANGE, Clock, calendar
from app.core.db import Database
from app.core.errors import SourceUnavailable
from app.core.progress import Progress, silent, within
from app.core.settings import Settings
from app.prices import store
from app.prices.outcomes import DOWN, RefreshReport
from app.prices.refresh import ingest
from app.prices.refresh.beside import refresh_beside
from app.prices.refresh.run import refresh, refresh_one
from app.prices.sources import sample
from app.prices.sources.factory import open_source
from app.prices.sources.protocol import PriceSource
from app.prices.store import write
from app.prices.store.tables import SymbolRow

REACH_S: Final = 5.0
"""A first run waits this long for Yahoo before it takes the sample."""
BESIDE_S: Final = 12.0
"""A first run waits this long for earnings days; the first evening's refresh asks for the rest."""
_log = log.get(__name__)


def find_prices(settings: Settings, database: Database, clock: Clock, progress: Progress = silent) -> str:
    """Seed the watchlist of an empty store and fetch its prices; return the source's name.

    With `NEXTCLOSE_SOURCE=auto` that is Yahoo, or the bundled sample where Yahoo can't be reached within seconds and
    the store holds nothing else. Errors: `SourceUnavailable` where only Yahoo will do and it can't be reached.
    """
    seed(settings, database, clock)
    if settings.source == "sample":
        store_sample(database, clock.now())
        return write.SAMPLE
    progress(0.0, "asking Yahoo for prices")
    source = open_source(settings)
    failure = _reach(database, source, clock)
    if failure is None:
        prices = refresh(database, source, clock, progress=within(progress, 0.1, 0.8))
        rest = within(progress, 0.8, 1.0)
        refresh_beside(settings, database, source, clock, prices, budget_s=BESIDE_S, progress=rest)
        return source.name
    held = _sources(database)
    if held - {write.SAMPLE}:
        return "store"
    if settings.source == "yahoo":
        raise SourceUnavailable(f"no prices: {failure.detail}")
    _log.warning("no connection to Yahoo: the bundled sample is used", detail=failure.detail)
    store_sample(database, clock.now())
    progress(1.0, "sample prices, 2000 to 2013; no connection to Yahoo")
    return write.SAMPLE


def seed(settings: Settings, database: Database, clock: Clock) -> None:
    """Give a store that knows no symbol the watchlist of the settings."""
    with database.write() as db:
        if not store.statuses(db):
            store.watch(db, settings.symbols, clock.now())


def store_sample(database: Database, now: datetime) -> None:
    """Store the bundled sample's final bars, checked as every source's, unless the store holds other prices."""
    if _sources(database) - {write.SAMPLE}:
        return
    bars = sample.sample_bars().filter(pl.col("session") <= calendar().last_final(now))
    with database.write() as db:
        ingest.ingest(db, bars, write.SAMPLE, now, DEFAULT_EXCHANGE)
        for symbol in bars["symbol"].unique():
            row = db.get_one(SymbolRow, symbol, populate_existing=True)
            row.name, row.currency, row.refreshed_at = sample.NAMES[symbol], "USD", now
            row.outcome, row.error = "updated", None


def _reach(database: Database, source: PriceSource, clock: Clock) -> RefreshReport | None:
    """Refresh the first symbol that the source knows, with little patience; return what failed, if it is down."""
    with database.read() as db:
        symbols = store.watchlist(db)
    for symbol in symbols:
        report = refresh_one(database, source, clock, symbol, limit_s=REACH_S, attempts=1)
        if report.outcome in DOWN:
            return report
        if report.outcome not in {"unknown", "delisted"}:
            return None
    return RefreshReport("", "unknown", detail="the source knows no symbol of the watchlist")


def _sources(database: Database) -> set[str]:
    with database.read() as db:
        return {bar.source for bar in store.last_bars(db).values()}
