"""Runs: one row per run of a job, one `running` per kind over all processes; the row tells how far it is.

Heartbeats tell whether a process lives, so they are told by the system's clock, whatever instant `NEXTCLOSE_NOW` fixes
for the work itself.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select
from ulid import ULID

from app.core.clock import wall
from app.core.db import Database
from app.core.errors import BadInput, JobEnded, JobRunning, NotThere
from app.core.lease import is_alive, this_host
from app.jobs import processes
from app.jobs.tables import JobKeyRow, JobRun, JobRunRow, State, Stop

_ALONE = ("refresh", "train", "forecast", "score", "check", "monitor", "alias", "prove", "deliver")
KINDS = (*_ALONE, "cycle", "first_run")
"""check is the weekly full look at a tenth of the symbols; alias lets MLflow follow the champion; prove makes up for
the proofs of a first run that was stopped; deliver sends alerts; cycle is refresh, score, monitor, review, forecast,
alert; first_run is find
prices, train, forecast, prove."""
SILENT_AFTER = timedelta(minutes=2)
"""A run whose last heartbeat is older than this is lost, even if its process seems to live."""

REFRESHES = ("refresh", "check", "cycle")
FORECASTS = ("forecast", "cycle", "first_run")
PROVES = ("first_run", "prove")
"""Jobs that prove a champion which is served already."""
STOPPED: dict[Stop, str] = {"cancelled": "cancelled by hand", "timed_out": "ended at its time limit"}
"""What is told of a run that was asked to stop."""
_TRIGGER_LENGTH = 20
_LOOKED_BACK = 20
"""Runs that are looked through for the newest report."""
_NEWEST = select(JobRunRow).order_by(col(JobRunRow.started_at).desc(), col(JobRunRow.id).desc())
_REPORTED = _NEWEST.where(col(JobRunRow.kind).in_(("monitor", "cycle"))).limit(_LOOKED_BACK)
_RUNNING = select(JobRunRow).where(JobRunRow.state == "running").order_by(col(JobRunRow.started_at))

_WITHIN: dict[str, tuple[str, ...]] = {
    "cycle": ("refresh", "score", "forecast", "monitor"),
    "first_run": ("refresh", "train", "forecast", "prove", "cycle"),
}


def start(database: Database, kind: str, trigger: str, now: datetime, keys: Sequence[str] = ()) -> JobRun:
    """Open a run of this kind, owned by this process until a child adopts it; `keys` are what it is started for.

    Errors: `BadInput` for an unknown kind; `JobRunning` while another run does this work, in whatever process, and when
    one that wasn't lost has been started for any of the keys.
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
            if keys:
                claimed = [{"kind": kind, "key": key, "run_id": run.id} for key in keys]
                db.connection().execute(insert(JobKeyRow), claimed)
            return run
    except IntegrityError:
        raise JobRunning(f"a {kind} job is already running, or ran for the same; see /jobs") from None


def adopt(database: Database, run_id: str) -> bool:
    """Make this process the run's own; return False when the run is closed already."""
    return _change(database, run_id, host=this_host(), pid=os.getpid(), heartbeat_at=wall())


def report(database: Database, run_id: str, progress: float, message: str) -> bool:
    """Note how far the run is, and that it lives; return False when it is no longer the one that runs."""
    return _change(database, run_id, progress=progress, message=message, heartbeat_at=wall())


def finish(
    database: Database, run_id: str, state: State, message: str, outcome: dict[str, Any] | None, now: datetime
) -> bool:
    """Close a run that is still running; one that is closed already stays as it is, and the answer is False.

    One that was asked to stop, and didn't get done before, ends in the state that was asked for.
    """
    ours = select(JobRunRow).where(JobRunRow.id == run_id, JobRunRow.state == "running").with_for_update()
    with database.write() as db:
        row = db.exec(ours).one_or_none()
        if row is None:
            return False
        if row.stopping is not None and state != "done":
            state, message = row.stopping, STOPPED[row.stopping]
        values: dict[str, Any] = {"state": state, "message": message, "outcome": outcome, "ended_at": now}
        values |= {"progress": 1.0} if state == "done" else {}
        db.connection().execute(update(JobRunRow).where(col(JobRunRow.id) == run_id).values(**values))
        if state == "lost":
            db.connection().execute(delete(JobKeyRow).where(col(JobKeyRow.run_id) == run_id))
    return True


def ask_to_stop(database: Database, run_id: str, how: Stop) -> JobRun:
    """Ask a run to end in this state; its process, or who started it, sees to it within seconds.

    Errors: `NotThere` for an unknown id, `JobEnded` for a run that has ended.
    """
    asked = _change(database, run_id, stopping=how)
    with database.read() as db:
        run = get(db, run_id)
    if not asked:
        raise JobEnded(f"this {run.kind} job has ended: {run.state.replace('_', ' ')}")
    return run


def is_asked_to_stop(database: Database, run_id: str) -> bool:
    """Say whether somebody asked this run to end."""
    with database.read() as db:
        return db.exec(select(JobRunRow.stopping).where(JobRunRow.id == run_id)).one_or_none() is not None


def close_lost(database: Database, now: datetime) -> list[JobRun]:
    """Close as `lost` the runs whose process is gone or silent, and return them; a silent one is killed."""
    with database.read() as db:
        gone = [run for run in running(db) if _is_gone(run)]
    reason = "its process {0.pid} on {0.host} is gone"
    closed = [run for run in gone if finish(database, run.id, "lost", reason.format(run), None, now)]
    for run in closed:
        if run.pid is not None and run.host == this_host():
            processes.kill_stray(run.pid, run.id)
    return closed


def recent(db: Session, limit: int = 20) -> list[JobRun]:
    """Return the newest runs, newest first."""
    return [JobRun.model_validate(row) for row in db.exec(_NEWEST.limit(limit))]


def running(db: Session) -> list[JobRun]:
    """Return the runs that are running, oldest first."""
    return [JobRun.model_validate(row) for row in db.exec(_RUNNING)]


def is_refreshing(database: Database) -> bool:
    """Say whether a living run brings prices up to date, symbol by symbol."""
    with database.read() as db:
        return is_refresh_open(db) and any(run.kind in REFRESHES and not _is_gone(run) for run in running(db))


def is_refresh_open(db: Session) -> bool:
    """Say whether a run that brings prices up to date hasn't ended by what its row says; its process may have died."""
    kinds = db.connection().exec_driver_sql("SELECT kind FROM job_run WHERE state = 'running'").scalars()
    return not set(REFRESHES).isdisjoint(kinds)


def is_forecasting(database: Database) -> bool:
    """Say whether a living run makes forecasts of all symbols, sooner or later."""
    with database.read() as db:
        return any(run.kind in FORECASTS and not _is_gone(run) for run in running(db))


def is_proving(db: Session) -> bool:
    """Say whether a living run proves, or will, what is served."""
    return any(run.kind in PROVES and not _is_gone(run) for run in running(db))


def get(db: Session, run_id: str) -> JobRun:
    """Return one run. Errors: `NotThere`."""
    row = db.get(JobRunRow, run_id)
    if row is None:
        raise NotThere(f"no job run has the id {run_id!r}")
    return JobRun.model_validate(row)


def last(db: Session, *kinds: str, ended: bool = False, state: State | None = None) -> JobRun | None:
    """Return the newest run of these kinds: whatever its state, the newest that has ended, or that is in a state."""
    query = _NEWEST.where(col(JobRunRow.kind).in_(kinds))
    query = query.where(JobRunRow.state != "running") if ended else query
    row = db.exec((query.where(JobRunRow.state == state) if state else query).limit(1)).first()
    return None if row is None else JobRun.model_validate(row)


def last_report(db: Session) -> dict[str, Any] | None:
    """Return the newest monitoring report: that of a job of its own, or of a cycle."""
    for run in db.exec(_REPORTED):
        outcome = run.outcome or {}
        report: dict[str, Any] = outcome if run.kind == "monitor" else outcome.get("monitor", {})
        if "verdict" in report:
            return report
    return None


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
