"""Runs: one row per run of a job, one `running` per kind over all processes; the row tells how far it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlmodel import Session

from app.core.db import Database

KINDS = ("refresh", "train", "forecast", "score", "cycle", "first_run")
"""cycle is refresh, score, forecast; first_run is find prices, train, forecast."""

State = Literal["running", "done", "failed", "lost"]


@dataclass(frozen=True)
class JobRun:
    """One run: `progress` in [0, 1], `message` one line on what is being done or went wrong."""

    id: str
    kind: str
    trigger: str
    state: State
    progress: float
    message: str
    pid: int | None
    started_at: datetime
    heartbeat_at: datetime
    ended_at: datetime | None
    outcome: dict[str, Any] | None


def start(database: Database, kind: str, trigger: str, now: datetime) -> JobRun:
    """Open a run of this kind. Errors: `JobRunning` while another one runs, in whatever process."""
    raise NotImplementedError


def report(database: Database, run_id: str, progress: float, message: str, now: datetime) -> bool:
    """Note how far the run is, and that it lives; return False when it is no longer the one that runs."""
    raise NotImplementedError


def finish(
    database: Database, run_id: str, state: State, message: str, outcome: dict[str, Any] | None, now: datetime
) -> None:
    """Close a run that is still running; a run that is closed already stays as it is."""
    raise NotImplementedError


def close_lost(database: Database, now: datetime) -> list[JobRun]:
    """Close as `lost` the runs whose process is gone or silent, and return them."""
    raise NotImplementedError


def recent(db: Session, limit: int = 20) -> list[JobRun]:
    """Return the newest runs, newest first."""
    raise NotImplementedError


def running(db: Session) -> list[JobRun]:
    """Return the runs that are running, oldest first."""
    raise NotImplementedError


def get(db: Session, run_id: str) -> JobRun:
    """Return one run. Errors: `NotThere`."""
    raise NotImplementedError
