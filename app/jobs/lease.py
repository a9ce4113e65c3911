"""The lease: which process runs the clockwork; it expires by itself when that process is gone."""

from __future__ import annotations

import os
from datetime import timedelta
from uuid import uuid4

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, delete

from app.core.clock import Clock
from app.core.db import Database
from app.jobs.runs import is_alive, this_host
from app.jobs.tables import LeaseRow

LASTS = timedelta(seconds=60)
NAME = "clockwork"

_SYSTEM = Clock()  # a lease is about living processes, whatever instant the settings fix


def new_holder() -> str:
    """Name this process and this object of it: host, process number and something unique."""
    return f"{this_host()[:50]}:{os.getpid()}:{uuid4().hex[:8]}"


def acquire(database: Database, holder: str) -> bool:
    """Take or renew the lease; return False while another holder's lasts."""
    now = _SYSTEM.now()
    with database.read() as db:
        if _is_another(db.get(LeaseRow, NAME), holder):
            return False
    try:
        with database.write() as db:
            row = db.get(LeaseRow, NAME, with_for_update=True)
            if _is_another(row, holder):
                return False
            row = row or LeaseRow(name=NAME, holder=holder, expires_at=now)
            row.holder, row.expires_at = holder, now + LASTS
            db.add(row)
    except IntegrityError:  # two took the free lease at once, and the other was first
        return False
    return True


def release(database: Database, holder: str) -> None:
    """Give the lease up, so that another process takes it at its next look."""
    with database.write() as db:
        db.exec(delete(LeaseRow).where(col(LeaseRow.name) == NAME, col(LeaseRow.holder) == holder))


def _is_another(row: LeaseRow | None, holder: str) -> bool:
    """Say whether a living holder other than this one has it."""
    return row is not None and row.holder != holder and row.expires_at > _SYSTEM.now() and not _is_gone(row.holder)


def _is_gone(holder: str) -> bool:
    host, pid, _ = holder.rsplit(":", 2)
    return host == this_host()[:50] and not is_alive(int(pid))
