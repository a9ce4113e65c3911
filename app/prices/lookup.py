"""Look a symbol up at the source that the store doesn't know yet."""

from __future__ import annotations

from app.core.clock import Clock
from app.core.db import Database
from app.prices.source import PriceSource
from app.prices.store import SymbolStatus


def lookup(database: Database, source: PriceSource, clock: Clock, symbol: str, timeout_s: float = 8.0) -> SymbolStatus:
    """Return the symbol's status, fetching and storing its history first where the store has none.

    Errors: `UnknownSymbol` where the source doesn't know it either, `SourceUnavailable` where it can't be asked.
    """
    raise NotImplementedError
