"""The weekly full check: a rotating tenth of the symbols, history whole, against the source."""

from __future__ import annotations

from zlib import crc32

from app.core.clock import Clock
from app.core.db import Database
from app.core.progress import Progress, silent
from app.prices import store
from app.prices.outcomes import RefreshReport
from app.prices.refresh.run import refresh
from app.prices.sources.protocol import PriceSource

TENTHS = 10


def due(symbols: list[str], week: int) -> list[str]:
    """Return the symbols of that ISO week's tenth; ten weeks in a row see each symbol once, whoever joins or leaves."""
    return [symbol for symbol in symbols if crc32(symbol.encode()) % TENTHS == week % TENTHS]


def check(database: Database, source: PriceSource, clock: Clock, progress: Progress = silent) -> list[RefreshReport]:
    """Fetch this week's tenth of the stored symbols whole: what the source says otherwise is taken over, and kept.

    `changed` in a report counts the bars that differed; they are in `bar_revision` now.
    """
    with database.read() as db:
        held = [status.symbol for status in store.statuses(db) if status.bars]
    return refresh(database, source, clock, due(held, clock.now().isocalendar().week), progress, whole=True)
