"""Time limits, and the time that is left."""

from datetime import UTC, datetime, timedelta

import pytest

from app.core.db import Database
from app.jobs import runs, timing
from app.jobs.tables import JobRun

NOW = datetime(2021, 12, 31, 22, 0, tzinfo=UTC)


def run_at(database: Database, progress: float) -> JobRun:
    """Open a training that is that far."""
    run = runs.start(database, "train", "test", NOW)
    runs.report(database, run.id, progress, "fold 1")
    with database.read() as db:
        return runs.get(db, run.id)


def test_every_kind_has_a_limit() -> None:
    """Whoever adds a job says how long it may take."""
    assert set(timing.LIMITS_S) == set(runs.KINDS)


@pytest.mark.parametrize(
    ("progress", "elapsed_s", "usual_s", "left"),
    [
        (0.0, 5.0, None, None),  # nothing is known yet
        (0.25, 30.0, None, 90.0),  # a quarter took 30 s
        (0.0, 5.0, 100.0, 95.0),  # as the one before
        (0.5, 60.0, 100.0, 50.0),  # half by its own pace (60 s), half by the one before (40 s)
        (0.0, 500.0, 100.0, 0.0),  # later than usual, and nothing else to go by
        (1.0, 60.0, 100.0, 0.0),
    ],
)
def test_the_time_left_follows_progress_and_the_run_before(
    database: Database, progress: float, elapsed_s: float, usual_s: float | None, left: float | None
) -> None:
    """The further it is, the more its own pace counts."""
    run = run_at(database, progress)
    at = timing.started_at(run) + timedelta(seconds=elapsed_s)
    assert timing.remaining_s(run, usual_s, at) == left


def test_an_ended_run_has_nothing_left(database: Database) -> None:
    """Only what runs is estimated; the run before is the newest that was done, not one that failed."""
    for state, took in (("done", 100), ("failed", 5)):
        before = runs.start(database, "train", "test", NOW - timedelta(hours=1))
        runs.finish(database, before.id, state, "", None, NOW - timedelta(hours=1) + timedelta(seconds=took))
    run = run_at(database, 0.0)
    with database.read() as db:
        newest, *ended = timing.timed(db, runs.recent(db))
    assert newest.id == run.id
    assert newest.remaining_s == pytest.approx(100.0, abs=5.0)
    assert [one.remaining_s for one in ended] == [None, None]
