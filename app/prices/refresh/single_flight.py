"""Single flight: however many threads and processes want a symbol's prices, one of them fetches."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final

from app.core import lease
from app.core.clock import wall
from app.core.db import Database
from app.prices.store.tables import FlightRow

LASTS: Final = timedelta(seconds=90)
_LOOK_AGAIN_S: Final = 0.1


@contextmanager
def single_flight(database: Database, symbol: str, since: datetime, wait_s: float) -> Iterator[bool]:
    """Take the symbol's lease, waiting for another fetch to end; yield whether the caller should fetch.

    False: another fetch ended well after `since` (real time), or still runs after `wait_s`: use what is stored.
    """
    holder, deadline = lease.new_holder(), time.monotonic() + wait_s
    while not (ours := lease.acquire(database, FlightRow, symbol, holder, LASTS)) and time.monotonic() < deadline:
        time.sleep(_LOOK_AGAIN_S)
    wanted = ours and not _landed(database, symbol, since)
    landing = {}
    try:
        yield wanted
        landing = {"landed_at": wall()} if wanted else {}
    finally:
        if ours:
            lease.release(database, FlightRow, symbol, holder, **landing)


def _landed(database: Database, symbol: str, since: datetime) -> bool:
    with database.read() as db:
        landed_at = db.get_one(FlightRow, symbol).landed_at
    return landed_at is not None and landed_at >= since
