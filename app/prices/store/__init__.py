"""The tables of prices: the only SQL over bars, their revisions, earnings days, and symbols.

In: bars that passed the checks. Out: bar and event frames, and each symbol's status. Reads are for every room; what
writes is called by `checks` and `refresh`.
"""

from app.prices.store.earnings import EarningsDay, earnings_days, events, events_version
from app.prices.store.read import (
    LastBar,
    SymbolStatus,
    as_known,
    data_version,
    exchanges,
    history,
    last_bars,
    panel,
    series,
    status,
    statuses,
    symbol_versions,
    unwatch,
    watch,
    watchlist,
)
from app.prices.store.write import Upserted, upsert

__all__ = [
    "EarningsDay",
    "LastBar",
    "SymbolStatus",
    "Upserted",
    "as_known",
    "data_version",
    "earnings_days",
    "events",
    "events_version",
    "exchanges",
    "history",
    "last_bars",
    "panel",
    "series",
    "status",
    "statuses",
    "symbol_versions",
    "unwatch",
    "upsert",
    "watch",
    "watchlist",
]
