"""Launch: start a job in a child process of the same interpreter, and see it end."""

from __future__ import annotations

from app.core.db import Database
from app.core.settings import Settings
from app.jobs.runs import JobRun


def launch(settings: Settings, database: Database, kind: str, trigger: str) -> JobRun:
    """Open a run and start its process; returns at once. Errors: `BadInput` (unknown kind), `JobRunning`."""
    raise NotImplementedError


def stop_all(wait_s: float = 5.0) -> None:
    """End every job that this process started; their runs are closed as `lost`."""
    raise NotImplementedError
