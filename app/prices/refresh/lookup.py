"""Look a symbol up at the source that the store doesn't know yet."""

from __future__ import annotations

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import NoHistory, SourceUnavailable, UnknownSymbol
from app.prices import store
from app.prices.outcomes import DOWN
from app.prices.refresh.run import refresh_one
from app.prices.sources.protocol import PriceSource
from app.prices.store import SymbolStatus
from app.prices.symbols import normalise


def lookup(database: Database, source: PriceSource, clock: Clock, symbol: str, timeout_s: float = 8.0) -> SymbolStatus:
    """Return the symbol's status, fetching and storing its history first where the store has none.

    Errors: `UnknownSymbol` where the source doesn't know it either, `SourceUnavailable` where it can't be asked,
    `NoHistory` where it has no bar that passes the checks.
    """
    symbol = normalise(symbol)
    if known := _with_bars(database, symbol):
        return known
    report = refresh_one(database, source, clock, symbol, limit_s=timeout_s)
    if known := _with_bars(database, symbol):
        return known
    if report.outcome in {"unknown", "delisted"}:
        raise UnknownSymbol(f"{symbol} is unknown here and at {source.name}; check its spelling, as in AAPL or BRK-B")
    if report.outcome in DOWN:
        raise SourceUnavailable(f"{symbol} isn't stored, and {report.detail}")
    raise NoHistory(f"{symbol} has no usable bar: {report.detail}")


def _with_bars(database: Database, symbol: str) -> SymbolStatus | None:
    with database.read() as db:
        return store.status(db, symbol) if store.last_bars(db, [symbol]) else None
