"""Runs: one at a time over all processes, whatever happens to them."""

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import col, update

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import BadInput, JobRunning, NotThere
from app.jobs import runs
from app.jobs.tables import JobRunRow

Program = Callable[[str], "subprocess.Popen[str]"]
NOW = datetime(2021, 12, 31, 22, 0, tzinfo=UTC)

STARTS_ONE = """
import time
from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import JobRunning
from app.core.settings import load_settings
from app.jobs import runs
database = Database(load_settings().database)
try:
    runs.start(database, "refresh", "race", Clock().now())
    print("started", flush=True)
except JobRunning:
    print("refused", flush=True)
time.sleep(30)
"""


def test_a_run_tells_how_far_it_is_and_how_it_ended(database: Database) -> None:
    """A run is found with its progress while it runs, and with its outcome after that."""
    run = runs.start(database, "refresh", "hand", NOW)
    assert runs.report(database, run.id, 0.25, "AAPL")
    with database.read() as db:
        half = runs.get(db, run.id)
    assert (half.state, half.progress, half.message, half.ended_at) == ("running", 0.25, "AAPL", None)

    assert runs.finish(database, run.id, "done", "done", {"bars": 3}, NOW + timedelta(seconds=5))
    with database.read() as db:
        ended = runs.get(db, run.id)
        assert runs.running(db) == []
    assert (ended.state, ended.progress, ended.outcome) == ("done", 1.0, {"bars": 3})
    assert ended.ended_at == NOW + timedelta(seconds=5)


def test_a_second_run_of_a_kind_is_refused_until_the_first_has_ended(database: Database) -> None:
    """Only one run per kind; another kind isn't held up."""
    first = runs.start(database, "train", "hand", NOW)
    with pytest.raises(JobRunning, match="a train job is already running"):
        runs.start(database, "train", "hand", NOW)
    runs.start(database, "score", "hand", NOW)
    runs.finish(database, first.id, "failed", "no", None, NOW)
    runs.start(database, "train", "hand", NOW)


def test_a_job_isnt_started_beside_one_that_contains_it(database: Database) -> None:
    """The first run trains, so nothing else may; the cycle refreshes, so no refresh beside it, either way round."""
    first = runs.start(database, "first_run", "start", NOW)
    with pytest.raises(JobRunning, match="a first_run job"):
        runs.start(database, "train", "hand", NOW)
    runs.finish(database, first.id, "done", "done", None, NOW)
    runs.start(database, "refresh", "hand", NOW)
    with pytest.raises(JobRunning, match="a refresh job"):
        runs.start(database, "cycle", "close", NOW)


def test_an_unknown_kind_or_id_is_named(database: Database) -> None:
    """Wrong names are told, with what there is."""
    with pytest.raises(BadInput, match="'dance'; there are refresh, train"):
        runs.start(database, "dance", "hand", NOW)
    with database.read() as db, pytest.raises(NotThere, match="'01J'"):
        runs.get(db, "01J")


def test_two_processes_never_run_one_job_twice(database: Database, program: Program) -> None:
    """Law 9: of two processes that start the same job at once on one SQLite file, exactly one does."""
    processes = [program(STARTS_ONE) for _ in range(2)]
    answers = sorted(process.stdout.readline().strip() for process in processes if process.stdout)
    assert answers == ["refused", "started"]
    with database.read() as db:
        assert len(runs.running(db)) == 1


def test_a_killed_process_leaves_a_lost_run_that_blocks_nothing(database: Database, program: Program) -> None:
    """Law 7: after kill -9 the run is closed as lost at the next look, and the job can run again."""
    process = program(STARTS_ONE)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "started"
    assert runs.close_lost(database, NOW) == []
    process.kill()
    process.wait()

    again = runs.start(database, "refresh", "hand", NOW)
    with database.read() as db:
        states = {run.trigger: run.state for run in runs.recent(db)}
    assert states == {"race": "lost", "hand": "running"}
    assert again.kind == "refresh"


def test_a_silent_run_is_lost_and_its_process_is_told_so(database: Database) -> None:
    """A process that gave no sign for over two minutes loses its run: its next report answers False."""
    run = runs.start(database, "score", "hand", NOW)
    silent = Clock().now() - runs.SILENT_AFTER - timedelta(seconds=1)
    with database.write() as db:
        db.exec(update(JobRunRow).where(col(JobRunRow.id) == run.id).values(heartbeat_at=silent))
    assert [lost.id for lost in runs.close_lost(database, NOW)] == [run.id]
    assert not runs.report(database, run.id, 0.5, "still here")
    assert not runs.finish(database, run.id, "done", "done", None, NOW)
    with database.read() as db:
        assert runs.get(db, run.id).state == "lost"


def test_runs_are_listed_newest_first(database: Database) -> None:
    """`recent` is ordered by start, and `last` picks the newest of some kinds."""
    for minute, kind in enumerate(("score", "refresh", "score")):
        run = runs.start(database, kind, str(minute), NOW + timedelta(minutes=minute))
        runs.finish(database, run.id, "done", "done", None, NOW)
    with database.read() as db:
        assert [run.trigger for run in runs.recent(db)] == ["2", "1", "0"]
        assert [run.trigger for run in runs.recent(db, limit=1)] == ["2"]
        newest = runs.last(db, "refresh", "train")
        assert newest is not None
        assert newest.trigger == "1"
        assert runs.last(db, "train") is None


def test_a_long_trigger_is_cut(database: Database) -> None:
    """PostgreSQL refuses what is longer than the column: the close of three exchanges would never start a cycle."""
    run = runs.start(database, "cycle", "close of XLON, XNYS, XTKS", NOW)
    assert run.trigger == "close of XLON, XNYS,"


def test_a_living_refresh_is_told(database: Database) -> None:
    """Only while it runs, and only the kinds that bring prices."""
    runs.start(database, "train", "test", NOW)
    assert not runs.is_refreshing(database)
    run = runs.start(database, "cycle", "test", NOW)
    assert runs.is_refreshing(database)
    with database.write() as db:
        gone = update(JobRunRow).where(col(JobRunRow.id) == run.id)
        db.connection().execute(gone.values(heartbeat_at=Clock().now() - timedelta(minutes=3)))
    assert not runs.is_refreshing(database)


def test_a_living_proof_is_told(database: Database) -> None:
    """Only while it runs: what was promised by a process that is gone is no proof under way."""
    with database.read() as db:
        assert not runs.is_proving(db)
    run = runs.start(database, "prove", "test", NOW)
    with database.read() as db:
        assert runs.is_proving(db)
    with pytest.raises(JobRunning, match="a prove job"):
        runs.start(database, "first_run", "start", NOW)
    with database.write() as db:
        gone = update(JobRunRow).where(col(JobRunRow.id) == run.id)
        db.connection().execute(gone.values(heartbeat_at=Clock().now() - timedelta(minutes=3)))
    with database.read() as db:
        assert not runs.is_proving(db)


def test_a_key_is_run_for_once(database: Database) -> None:
    """A leader that slept between its look and its start finds that another one did it; other keys go ahead."""
    run = runs.start(database, "cycle", "test", NOW, ["XLON 2021-12-31 1", "XNYS 2021-12-31 1"])
    runs.finish(database, run.id, "failed", "no prices", None, NOW)
    with pytest.raises(JobRunning, match="ran for the same"):
        runs.start(database, "cycle", "test", NOW, ["XNYS 2021-12-31 1"])
    runs.start(database, "check", "test", NOW, ["XNYS 2021-12-31 1"])
    runs.start(database, "cycle", "test", NOW, ["XNYS 2021-12-31 2"])


def test_a_lost_run_gives_its_keys_back(database: Database) -> None:
    """What was interrupted is done again; what was cancelled isn't."""
    lost = runs.start(database, "cycle", "test", NOW, ["XNYS 2021-12-31 1"])
    runs.finish(database, lost.id, "lost", "killed", None, NOW)
    again = runs.start(database, "cycle", "test", NOW, ["XNYS 2021-12-31 1"])
    runs.ask_to_stop(database, again.id, "cancelled")
    runs.finish(database, again.id, "lost", "ended", None, NOW)
    with pytest.raises(JobRunning):
        runs.start(database, "cycle", "test", NOW, ["XNYS 2021-12-31 1"])
