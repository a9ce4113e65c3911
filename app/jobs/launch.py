"""Launch: start a job in a child process of the same interpreter, and see it end; hand over to the next champion."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from time import monotonic

from pydantic import SecretStr

from app.core import log
from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import CheckFailed, JobEnded, StoreUnavailable
from app.core.settings import Settings
from app.forecasts.prediction.forecaster import FEW, Forecaster
from app.jobs import processes, runs, timing
from app.jobs.tables import JobRun
from app.prices import store
from app.registry.versions.model import Model

_log = log.get(__name__)
_children: dict[str, tuple[subprocess.Popen[bytes], threading.Thread]] = {}
"""This process's running jobs by run id, each with the thread that waits for it."""
_stopped: set[str] = set()
"""Those among them that end because the service does."""
STOPPED = "stopped with the service"
_NOT_FOR_CHILDREN = {"admin_token"}
FIRST_RUN, HAND_OVER, HAND_OVER_S = "first_run", "hand-over", 600.0
LOOK_EVERY_S = 1.0
"""How often a running job is looked at: is its time over, was it asked to stop?"""


def launch(
    settings: Settings,
    database: Database,
    kind: str,
    trigger: str,
    keys: Sequence[str] = (),
    now: datetime | None = None,
) -> JobRun:
    """Open a run and start its process; returns at once. Errors: `BadInput` (unknown kind), `JobRunning`.

    `now` is the instant at which it was found due: later ones, which may have passed since, stay due.
    """
    clock = Clock(settings.now)
    run = runs.start(database, kind, trigger, now or clock.now(), keys)
    try:
        process = _start(settings, kind, run.id)
    except OSError as error:
        runs.finish(database, run.id, "lost", f"its process could not be started: {error}", None, clock.now())
        raise
    watch = threading.Thread(target=_see_end, args=(database, run, process, clock), name=f"job {kind}", daemon=True)
    _children[run.id] = process, watch
    watch.start()
    _log.info("job started", kind=kind, run=run.id, trigger=trigger, pid=process.pid)
    return run


def hand_over(settings: Settings, database: Database, made_by: Forecaster, model: Model) -> None:
    """Let a version forecast every stored symbol before it is served. Errors: `CheckFailed` for one that can't.

    Few symbols take a moment, right here. Many take seconds of computing, which this process's threads would take from
    whoever asks for forecasts meanwhile: so another process does it.
    """
    with database.read() as db:
        few = len(store.last_bars(db)) <= FEW
    if few:
        made_by.prepare(model)
        return
    version = model.card.version
    process = _start(settings, HAND_OVER, version)
    try:
        code = process.wait(HAND_OVER_S)
    except subprocess.TimeoutExpired:
        raise CheckFailed(f"version {version} has not forecast what is stored in {HAND_OVER_S:.0f} s") from None
    finally:
        processes.kill_group(process.pid)
        process.wait()
    if code:
        raise CheckFailed(f"version {version} can't forecast what is stored; the log says why")


def _start(settings: Settings, kind: str, subject: str) -> subprocess.Popen[bytes]:
    """Start a process for a run of this kind, or for the hand-over to a version; all but the first run stand back."""
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and module, a kind of ours, an id or stored version
        [sys.executable, "-m", "app.jobs.child", kind, subject],
        env=environment(settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C ends the service, which then ends its jobs in order, each with its group
    )
    if kind != FIRST_RUN:  # for which everybody waits
        processes.put_back(process.pid)
    return process


def stop_all(wait_s: float = processes.STOP_S) -> None:
    """End every job that this process started, all of them within that time; their runs are closed as `lost`."""
    _stopped.update(_children)
    children = list(_children.values())
    for process, _ in children:
        process.terminate()
    killed_at = monotonic() + wait_s
    for process, _ in children:
        try:
            process.wait(max(0.0, killed_at - monotonic()))
        except subprocess.TimeoutExpired:
            processes.kill_group(process.pid)
    for _, watch in children:
        watch.join()


def environment(settings: Settings) -> dict[str, str]:
    """Return this process's environment with the effective settings in it, for a child that reads them there."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("NEXTCLOSE_")}
    for name, value in settings:
        if value is not None and name not in _NOT_FOR_CHILDREN:
            plain = value.get_secret_value() if isinstance(value, SecretStr) else value
            env[f"NEXTCLOSE_{name.upper()}"] = ",".join(plain) if isinstance(plain, tuple) else str(plain)
    return env


def _see_end(database: Database, run: JobRun, process: subprocess.Popen[bytes], clock: Clock) -> None:
    """Wait for the process, end it when it should be, and close its run if it couldn't do so itself."""
    ends_at, killed_at = monotonic() + timing.limit_s(run.kind), float("inf")
    while process.poll() is None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(LOOK_EVERY_S)
            break
        if killed_at == float("inf") and _is_to_stop(database, run, is_late=monotonic() > ends_at):
            process.terminate()
            killed_at = monotonic() + processes.GRACE_S
        if monotonic() > killed_at:
            processes.kill_group(process.pid)
    processes.kill_group(process.pid)  # what it started and left behind
    _close(database, run, process.returncode, clock)
    _children.pop(run.id, None)  # not before: who ends all jobs waits for those that are being closed
    _stopped.discard(run.id)


def _is_to_stop(database: Database, run: JobRun, *, is_late: bool) -> bool:
    try:
        if is_late and not runs.is_asked_to_stop(database, run.id):
            runs.ask_to_stop(database, run.id, "timed_out")
        return runs.is_asked_to_stop(database, run.id)
    except JobEnded:
        return is_late  # its row is closed, and it hangs while it ends
    except StoreUnavailable as error:
        _log.warning("not seen whether it should stop", run=run.id, error=error.detail)
        return is_late


def _close(database: Database, run: JobRun, code: int, clock: Clock) -> None:
    is_told = run.id in _stopped
    message = STOPPED if is_told else f"its process ended with code {code}"
    try:
        if runs.finish(database, run.id, "lost", message, None, clock.now()) and not is_told:
            _log.error("job ended early", kind=run.kind, run=run.id, code=code)
    except StoreUnavailable as error:  # the next look at the runs closes it
        _log.warning("run not closed", run=run.id, error=error.detail)
