"""One flight a symbol: however many threads and processes want its prices, one of them fetches."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from app.core.clock import wall
from app.core.db import Database
from app.prices.store import sql

LASTS: Final = timedelta(seconds=90)
"""A flight that never landed is over after this; one whose process is gone from this machine at once."""
_LOOK_AGAIN_S: Final = 0.1


@contextmanager
def flight(database: Database, symbol: str, since: datetime, wait_s: float) -> Iterator[bool]:
    """Claim the symbol's flight, waiting for another one to land; yield whether the caller should fetch.

    False: another flight landed after `since` (real time), or is still in the air after `wait_s`: use what is stored.
    """
    holder = f"{socket.gethostname()}/{os.getpid()}/{uuid4().hex}"
    deadline = time.monotonic() + wait_s
    while True:
        claimed = _claim(database, symbol, holder, since)
        if claimed is not None or time.monotonic() > deadline:
            break
        time.sleep(_LOOK_AGAIN_S)
    if not claimed:
        yield False
        return
    landed = False
    try:
        yield True
        landed = True
    finally:
        _release(database, symbol, holder, landed=landed)


def _claim(database: Database, symbol: str, holder: str, since: datetime) -> bool | None:
    """Return True for a claim, False where another flight landed since, None where one is in the air."""
    now = wall()
    with database.write() as db:
        rows = sql.run(db, "SELECT holder, until, landed_at FROM flight WHERE symbol = ?", [symbol])
        for other, until, landed_at in rows:
            if other is None and landed_at is not None and sql.to_instant(landed_at) >= since:
                return False
            if other is not None and sql.to_instant(until) > now and not _gone(str(other)):
                return None
        sql.run(
            db,
            "INSERT INTO flight (symbol, holder, until) VALUES (?, ?, ?)"
            " ON CONFLICT (symbol) DO UPDATE SET holder = excluded.holder, until = excluded.until",
            [symbol, holder, sql.instant(db, now + LASTS)],
        )
    return True


def _release(database: Database, symbol: str, holder: str, *, landed: bool) -> None:
    with database.write() as db:
        landing = ", landed_at = ?" if landed else ""
        values = [sql.instant(db, wall())] if landed else []
        sql.run(
            db,
            f"UPDATE flight SET holder = NULL{landing} WHERE symbol = ? AND holder = ?",
            [*values, symbol, holder],
        )


def _gone(holder: str) -> bool:
    """Say whether the holder was a process of this machine that has ended."""
    host, pid, _ = holder.split("/")
    return host == socket.gethostname() and int(pid) != os.getpid() and process_gone(int(pid))


def process_gone(pid: int) -> bool:
    """Say whether no process of this machine has this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
