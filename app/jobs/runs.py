"""Runs: one row per run of a job, one `running` per kind over all processes; the row tells how far it is.

Heartbeats tell whether a process lives, so they are told by the system's clock, whatever instant `NEXTCLOSE_NOW` fixes
for the work itself.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar
from ulid import ULID

from app.core.clock import wall
from app.core.db import Database
from app.core.errors import BadInput, JobRunning, NotThere
from app.core.lease import is_alive, this_host
from app.jobs.tables import JobRun, JobRunRow, State

KINDS = ("refresh", "train", "forecast", "score", "check", "monitor", "alias", "prove", "cycle", "first_run")
"""check is the weekly full look at a tenth of the symbols; alias lets MLflow follow the champion; prove makes up for
the proofs of a first run that was stopped; cycle is refresh, score, monitor, review, forecast; first_run is find
prices, train, forecast, prove."""
SILENT_AFTER = timedelta(minutes=2)
"""A run whose last heartbeat is older than this is lost, even if its process seems to live."""

REFRESHES = ("refresh", "check", "cycle")
PROVES = ("first_run", "prove")
"""Jobs that prove a champion which is served already."""
_TRIGGER_LENGTH = 20
_LOOKED_BACK = 20
"""Runs that are looked through for the newest report."""

_WITHIN: dict[str, tuple[str, ...]] = {
    "cycle": ("refresh", "score", "forecast", "monitor"),
    "first_run": ("refresh", "train", "forecast", "prove", "cycle"),
}


def start(database: Database, kind: str, trigger: str, now: datetime) -> JobRun:
    """Open a run of this kind, owned by this process until a child adopts it.

    Errors: `BadInput` for an unknown kind; `JobRunning` while another run does this work, in whatever process.
    """
    if kind not in KINDS:
        raise BadInput(f"no job is called {kind!r}; there are {', '.join(KINDS)}")
    close_lost(database, now)
    run = JobRun(
        id=str(ULID()),
        kind=kind,
        trigger=trigger[:_TRIGGER_LENGTH],  # PostgreSQL refuses more: a close of three exchanges is longer
        state="running",
        message="starting",
        host=this_host(),
        pid=os.getpid(),
        started_at=now,
        heartbeat_at=wall(),
    )
    try:
        with database.write() as db:
            _refuse_second(db, kind)
            known = {name: value for name, value in run if value is not None}
            db.connection().execute(insert(JobRunRow), known)
            return run
    except IntegrityError:
        raise JobRunning(f"a {kind} job is already running; see /jobs") from None


def adopt(database: Database, run_id: str) -> bool:
    """Make this process the run's own; return False when the run is closed already."""
    return _change(database, run_id, host=this_host(), pid=os.getpid(), heartbeat_at=wall())


def report(database: Database, run_id: str, progress: float, message: str) -> bool:
    """Note how far the run is, and that it lives; return False when it is no longer the one that runs."""
    return _change(database, run_id, progress=progress, message=message, heartbeat_at=wall())


def finish(
    database: Database, run_id: str, state: State, message: str, outcome: dict[str, Any] | None, now: datetime
) -> bool:
    """Close a run that is still running; one that is closed already stays as it is, and the answer is False."""
    done: dict[str, Any] = {"progress": 1.0} if state == "done" else {}
    return _change(database, run_id, state=state, message=message, outcome=outcome, ended_at=now, **done)


def close_lost(database: Database, now: datetime) -> list[JobRun]:
    """Close as `lost` the runs whose process is gone or silent, and return them."""
    with database.read() as db:
        gone = [run for run in running(db) if _is_gone(run)]
    reason = "its process {0.pid} on {0.host} is gone"
    return [run for run in gone if finish(database, run.id, "lost", reason.format(run), None, now)]


def recent(db: Session, limit: int = 20) -> list[JobRun]:
    """Return the newest runs, newest first."""
    return [JobRun.model_validate(row) for row in db.exec(_newest().limit(limit))]


def running(db: Session) -> list[JobRun]:
    """Return the runs that are running, oldest first."""
    rows = db.exec(select(JobRunRow).where(JobRunRow.state == "running").order_by(col(JobRunRow.started_at)))
    return [JobRun.model_validate(row) for row in rows]


def is_refreshing(database: Database) -> bool:
    """Say whether a living run brings prices up to date, symbol by symbol."""
    with database.read() as db:
        return any(run.kind in REFRESHES and not _is_gone(run) for run in running(db))


def is_proving(db: Session) -> bool:
    """Say whether a living run proves, or will, what is served."""
    return any(run.kind in PROVES and not _is_gone(run) for run in running(db))


def get(db: Session, run_id: str) -> JobRun:
    """Return one run. Errors: `NotThere`."""
    row = db.get(JobRunRow, run_id)
    if row is None:
        raise NotThere(f"no job run has the id {run_id!r}")
    return JobRun.model_validate(row)


def last(db: Session, *kinds: str, ended: bool = False) -> JobRun | None:
    """Return the newest run of these kinds, whatever its state, or the newest that has ended."""
    query = _newest().where(col(JobRunRow.kind).in_(kinds))
    row = db.exec((query.where(JobRunRow.state != "running") if ended else query).limit(1)).first()
    return None if row is None else JobRun.model_validate(row)


def last_report(db: Session) -> dict[str, Any] | None:
    """Return the newest monitoring report: that of a job of its own, or of a cycle."""
    for run in db.exec(_newest().where(col(JobRunRow.kind).in_(("monitor", "cycle"))).limit(_LOOKED_BACK)):
        outcome = run.outcome or {}
        report: dict[str, Any] = outcome if run.kind == "monitor" else outcome.get("monitor", {})
        if "verdict" in report:
            return report
    return None


def _newest() -> SelectOfScalar[JobRunRow]:
    return select(JobRunRow).order_by(col(JobRunRow.started_at).desc(), col(JobRunRow.id).desc())


def _refuse_second(db: Session, kind: str) -> None:
    for run in running(db):
        if run.kind == kind or run.kind in _WITHIN.get(kind, ()) or kind in _WITHIN.get(run.kind, ()):
            raise JobRunning(f"a {run.kind} job is already running; see /jobs")


def _is_gone(run: JobRun) -> bool:
    if wall() - run.heartbeat_at > SILENT_AFTER:
        return True
    return run.host == this_host() and run.pid is not None and not is_alive(run.pid)


def _change(database: Database, run_id: str, **values: Any) -> bool:
    still = update(JobRunRow).where(col(JobRunRow.id) == run_id, col(JobRunRow.state) == "running")
    with database.write() as db:
        return bool(db.connection().execute(still.values(**values)).rowcount)
