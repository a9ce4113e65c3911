"""Leases: which living process has a name to itself, and until when.

They are about processes, so the real time counts, whatever instant the settings fix. A lease ends when it is given up,
when its time is over, and at once when its process is gone from this machine.
"""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field, SQLModel, col

from app.core.clock import wall
from app.core.db import Database, UtcDateTime


class Lease(SQLModel):
    """A row of a table of leases: the name, its holder (`new_holder`), and until when."""

    name: str = Field(primary_key=True, max_length=20)
    holder: str | None = Field(default=None, max_length=80)
    expires_at: datetime = Field(sa_type=UtcDateTime)


def new_holder() -> str:
    """Name one holder in this process: host, process number and something unique."""
    return f"{this_host()[:40]}/{os.getpid()}/{uuid4().hex[:16]}"


def acquire(database: Database, table: type[Lease], name: str, holder: str, lasts: timedelta) -> bool:
    """Take or renew the lease; return False while another living holder has it."""
    with database.read() as db:  # who only looks doesn't wait for the write lock
        if _is_another(db.get(table, name), holder):
            return False
    try:
        with database.write() as db:
            row = db.get(table, name, with_for_update=True)
            if _is_another(row, holder):
                return False
            row = row or table(name=name, expires_at=wall())
            row.holder, row.expires_at = holder, wall() + lasts
            db.add(row)
    except IntegrityError:  # two took the free lease at once, and the other was first
        return False
    return True


def release(database: Database, table: type[Lease], name: str, holder: str, **values: Any) -> None:
    """End the lease, if it is still this holder's, and set the row's other columns to `values`."""
    ours = update(table).where(col(table.name) == name, col(table.holder) == holder)
    with database.write() as db:
        db.connection().execute(ours.values(expires_at=wall(), **values))


def _is_another(row: Lease | None, holder: str) -> bool:
    if row is None or row.holder is None or row.holder == holder:
        return False
    return row.expires_at > wall() and not _is_gone(row.holder)


def _is_gone(holder: str) -> bool:
    host, _, rest = holder.partition("/")
    pid = rest.partition("/")[0]
    return host == this_host()[:40] and pid.isdigit() and not is_alive(int(pid))


def this_host() -> str:
    """Name the machine that process numbers belong to."""
    return socket.gethostname()[:80]


def is_alive(pid: int) -> bool:
    """Say whether a process of this machine runs; one that has ended but wasn't waited for doesn't."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:  # no such file system here
        return True
    return stat.rpartition(")")[2].split()[0] != "Z"
