"""Jobs end when they are asked to, or at their limit, with whatever they started; the next one goes ahead."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import JobEnded, NotThere
from app.core.lease import is_alive
from app.core.settings import Settings
from app.jobs import launch, processes, runs, timing
from app.jobs.tables import JobRun
from app.prices.refresh.first_run import store_sample

Program = Callable[[str], "subprocess.Popen[str]"]
NOW = Clock().now()

STUBBORN = """#!{python}
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    open({note!r}, "w").write(str(os.getpid()))
time.sleep(60)
"""

AN_ORPHAN = """
from app.jobs import child, timing
timing.LIMITS_S["train"] = 1.0
child.main("train", {run_id!r})
"""

A_MUFFLER = """
import os, signal
from app.jobs import child
def job(*_):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        signal.sigtimedwait([signal.SIGUSR1], 30)
    except SystemExit:
        raise ImportError("a library was just being loaded") from None
child.WORK["score"] = job
child.main("score", {run_id!r})
"""


@pytest.fixture(autouse=True)
def _nothing_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """End all jobs, which are looked at often."""
    monkeypatch.setattr(launch, "LOOK_EVERY_S", 0.05)
    yield
    launch.stop_all()


def until(said: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until something is true."""
    give_up = monotonic() + seconds
    while not said():
        assert monotonic() < give_up
        sleep(0.05)


def stubborn(folder: Path) -> str:
    """Return a program that ignores signals, as none of our own jobs does, and starts another one."""
    script = folder / "stubborn"
    script.write_text(STUBBORN.format(python=sys.executable, note=str(folder / "grandchild")))
    script.chmod(0o755)
    return str(script)


def seen(database: Database, run: JobRun) -> JobRun:
    """Look a run up."""
    with database.read() as db:
        return runs.get(db, run.id)


def test_a_cancelled_training_ends_and_the_next_one_starts(settings: Settings, database: Database) -> None:
    """Its process is gone when the run says `cancelled`; until then it runs, and no second one beside it."""
    store_sample(database, NOW)
    run = launch.launch(settings, database, "train", "hand")
    until(lambda: seen(database, run).pid == launch._children[run.id][0].pid)
    asked = runs.ask_to_stop(database, run.id, "cancelled")
    assert (asked.state, asked.stopping) == ("running", "cancelled")
    until(lambda: seen(database, run).state != "running")
    ended = seen(database, run)
    assert (ended.state, ended.message) == ("cancelled", "cancelled by hand")
    assert ended.pid is not None
    until(lambda: not is_alive(ended.pid or 0), 5.0)
    with pytest.raises(JobEnded, match="this train job has ended: cancelled"):
        runs.ask_to_stop(database, run.id, "cancelled")
    assert launch.launch(settings, database, "train", "hand").state == "running"


def test_an_unknown_run_cant_be_cancelled(database: Database) -> None:
    """There is nothing of that name."""
    with pytest.raises(NotThere):
        runs.ask_to_stop(database, "01J", "cancelled")


def test_a_job_that_doesnt_listen_is_killed_with_its_children(
    settings: Settings, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its time limit; neither it nor the process that it started is left."""
    note = tmp_path / "grandchild"
    monkeypatch.setattr(launch.sys, "executable", stubborn(tmp_path))
    monkeypatch.setattr(processes, "GRACE_S", 0.5)
    monkeypatch.setitem(timing.LIMITS_S, "score", 1.0)
    run = launch.launch(settings, database, "score", "hand")
    child = launch._children[run.id][0].pid
    until(note.exists)
    until(lambda: seen(database, run).state != "running")
    ended = seen(database, run)
    assert (ended.state, ended.message) == ("timed_out", "ended at its time limit")
    assert not is_alive(child)
    until(lambda: not is_alive(int(note.read_text())), 5.0)


def test_jobs_that_dont_listen_are_killed_together(
    settings: Settings, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service ends when its time is over, however many jobs it has."""
    monkeypatch.setattr(launch.sys, "executable", stubborn(tmp_path))
    started = [launch.launch(settings, database, kind, "hand") for kind in ("score", "monitor", "forecast", "check")]
    until((tmp_path / "grandchild").exists)
    begun = monotonic()
    launch.stop_all(1.0)
    assert monotonic() - begun < 3.0  # one after the other they would take four
    ended = {(seen(database, run).state, seen(database, run).message) for run in started}
    assert ended == {("lost", "stopped with the service")}


def test_a_stop_that_a_library_makes_an_error_of_is_a_stop(database: Database, program: Program) -> None:
    """The signal came while something caught everything: nothing failed by itself."""
    run = runs.start(database, "score", "hand", NOW)
    program(A_MUFFLER.format(run_id=run.id))
    until(lambda: seen(database, run).state != "running")
    assert (seen(database, run).state, seen(database, run).message) == ("lost", "stopped with the service")


def test_a_job_without_its_server_keeps_to_its_limit(database: Database, program: Program) -> None:
    """The server was killed: the job itself sees that its time is over."""
    store_sample(database, NOW)
    run = runs.start(database, "train", "hand", NOW)
    program(AN_ORPHAN.format(run_id=run.id))
    until(lambda: seen(database, run).state != "running")
    assert seen(database, run).state == "timed_out"


def test_a_silent_process_is_killed_when_its_run_is_given_up(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hangs so that not even its heartbeat comes: it mustn't wake up beside its successor."""
    store_sample(database, NOW)
    run = launch.launch(settings, database, "train", "hand")
    process = launch._children[run.id][0]
    until(lambda: seen(database, run).pid == process.pid)
    os.kill(process.pid, 19)  # SIGSTOP
    monkeypatch.setattr(runs, "SILENT_AFTER", runs.SILENT_AFTER * 0)
    assert [lost.id for lost in runs.close_lost(database, NOW)] == [run.id]
    assert process.wait(10) == -9


def test_another_process_with_the_same_number_is_left_alone() -> None:
    """Only a process that was started for the run is killed."""
    processes.kill_stray(os.getpid(), "01J")


def test_a_finished_run_is_done_even_when_it_was_asked_to_stop(database: Database) -> None:
    """It was quicker than the asking."""
    run = runs.start(database, "score", "hand", NOW)
    runs.ask_to_stop(database, run.id, "cancelled")
    assert runs.is_asked_to_stop(database, run.id)
    assert runs.finish(database, run.id, "done", "done", None, NOW)
    assert seen(database, run).state == "done"


def test_all_jobs_stand_back_but_the_first_run(settings: Settings) -> None:
    """Everybody waits for that one."""
    for kind, policy in (("score", os.SCHED_BATCH), ("first_run", os.SCHED_OTHER)):
        process = launch._start(settings, kind, "01J")
        try:
            assert os.sched_getscheduler(process.pid) == policy
        finally:
            process.kill()
            process.wait()


def test_a_job_stands_back_from_its_first_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its niceness, its group's, and the policy under which it interrupts nobody; who started it stays as it is."""
    monkeypatch.setattr(processes, "NICENESS", 10)
    before = os.nice(0), os.sched_getscheduler(0)
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        processes.put_back(process.pid)
        niceness = os.getpriority(os.PRIO_PROCESS, process.pid)
        assert niceness == min(before[0] + 10, 19)
        assert os.sched_getscheduler(process.pid) == os.SCHED_BATCH
        group = Path(f"/proc/{process.pid}/autogroup")
        assert not group.exists() or group.read_text().split()[-1] == "10"
    finally:
        process.kill()
        process.wait()
    assert (os.nice(0), os.sched_getscheduler(0)) == before
    processes.put_back(process.pid)
