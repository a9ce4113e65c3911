"""Unknown symbols are looked up at the price source: bounded in time, and in how many at once."""

from __future__ import annotations

from threading import BoundedSemaphore

from app.core.errors import RateLimited
from app.prices.refresh.run import lookup
from app.prices.store import SymbolStatus
from app.web.edge.deps import Services

LOOKUP_S = 8.0
"""How long an unknown symbol is looked for before the answer is that the source can't be reached."""
AT_ONCE = 16
"""Each lookup holds a thread while it waits for the source: strangers' guesses mustn't hold all of them."""

_places = BoundedSemaphore(AT_ONCE)


def look_up(services: Services, symbol: str) -> SymbolStatus:
    """Fetch and store a symbol that the store doesn't know.

    Errors: `UnknownSymbol`, `SourceUnavailable`, `NoHistory`, and `RateLimited` while too many others are looked up.
    """
    if not _places.acquire(blocking=False):
        raise RateLimited(f"{symbol} isn't stored, and {AT_ONCE} other symbols are being looked up: ask again soon")
    try:
        return lookup(services.database, services.source, services.clock, symbol, LOOKUP_S)
    finally:
        _places.release()
