"""Launch: real child processes on the test's own store."""

import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from time import monotonic, sleep
from typing import Any

import pytest

from app.core.db import Database
from app.core.errors import BadInput, JobRunning
from app.core.settings import Settings, load_settings
from app.jobs import launch, runs
from app.jobs.tables import JobRun


@pytest.fixture(autouse=True)
def _nothing_left(database: Database) -> Iterator[None]:  # noqa: ARG001 - the jobs end before their store does
    yield
    launch.stop_all()


def ended(database: Database, run: JobRun) -> JobRun:
    """Wait until the run is closed."""
    give_up = monotonic() + 60
    while monotonic() < give_up:
        with database.read() as db:
            now = runs.get(db, run.id)
        if now.state != "running":
            return now
        sleep(0.05)
    pytest.fail(f"still running: {now}")


def test_a_job_runs_in_a_process_of_its_own(settings: Settings, database: Database) -> None:
    """The call returns at once; the child does the work, and closes the run with what came of it."""
    run = launch.launch(settings, database, "score", "hand")
    assert (run.state, run.trigger) == ("running", "hand")
    with pytest.raises(JobRunning):
        launch.launch(settings, database, "score", "hand")
    done = ended(database, run)
    assert (done.state, done.progress, done.outcome) == ("done", 1.0, {"scored": 0})
    assert done.pid != os.getpid()


def test_a_job_that_cant_be_done_says_why(settings: Settings, database: Database) -> None:
    """An expected error ends the run as failed, with its one line and its code."""
    done = ended(database, launch.launch(settings, database, "forecast", "hand"))
    assert (done.state, done.outcome) == ("failed", {"code": "no_champion"})
    assert done.message.startswith("no model has been trained yet")


def test_a_killed_job_is_closed_at_once(settings: Settings, database: Database) -> None:
    """Law 7: the parent sees kill -9 of its child, and the next run can start."""
    run = launch.launch(settings, database, "score", "hand")
    launch._children[run.id][0].kill()
    lost = ended(database, run)
    assert (lost.state, lost.message) == ("lost", "its process ended with code -9")
    runs.start(database, "score", "hand", lost.started_at)


def test_stopping_ends_the_jobs_of_this_process(settings: Settings, database: Database) -> None:
    """When the service ends, so do its jobs; their runs are closed when `stop_all` returns."""
    run = launch.launch(settings, database, "score", "hand")
    launch.stop_all()
    with database.read() as db:
        lost = runs.get(db, run.id)
    assert (lost.state, lost.message) == ("lost", "stopped with the service")


def test_stopping_waits_for_a_run_that_is_being_closed(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process is gone by itself, its run isn't closed yet: the store is still being written to."""
    closing, closed, close = threading.Event(), threading.Event(), launch._close

    def slowly(*about: Any) -> None:
        closing.set()
        sleep(0.3)
        close(*about)
        closed.set()

    monkeypatch.setattr(launch, "_close", slowly)
    launch.launch(settings, database, "score", "hand")
    assert closing.wait(60)
    launch.stop_all()
    assert closed.is_set()


def test_an_unknown_kind_starts_nothing(settings: Settings, database: Database) -> None:
    """There is no process for what isn't a job."""
    with pytest.raises(BadInput):
        launch.launch(settings, database, "dance", "hand")
    assert launch._children == {}


def test_the_child_gets_the_parents_settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them survive the way through the environment, but the token that no job needs."""
    theirs = settings.model_copy(
        update={"symbols": ("AAPL", "BRK-B"), "now": datetime(2021, 12, 31, 22, 0, tzinfo=UTC), "scheduler": "off"}
    )
    monkeypatch.setenv("NEXTCLOSE_ADMIN_TOKEN", "secret")
    for name, value in launch.environment(theirs).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NEXTCLOSE_ADMIN_TOKEN")
    assert "NEXTCLOSE_ADMIN_TOKEN" not in launch.environment(load_settings())
    assert load_settings() == theirs
