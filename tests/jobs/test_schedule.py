"""The scheduler: what it starts, and that it starts it once."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep

import pytest

from app.core import lease
from app.core.clock import ClockFile
from app.core.db import Database
from app.core.settings import Settings
from app.jobs import launch, plan, runs, schedule
from app.jobs.schedule import Scheduler
from app.jobs.tables import LeaseRow
from app.registry.promotion import champion
from app.registry.promotion.decisions import decide
from app.registry.promotion.proofs import OWED
from app.registry.versions import artefact
from tests.forecasts import small

EVENING = datetime(2021, 12, 31, 22, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _nothing_left(database: Database) -> Iterator[None]:  # noqa: ARG001 - the jobs end before their store does
    yield
    launch.stop_all()


@pytest.fixture
def evening(settings: Settings) -> Settings:
    """Return settings that hold the time at an evening after the close."""
    return settings.model_copy(update={"now": EVENING})


@pytest.fixture
def crowned(settings: Settings, database: Database) -> None:
    """Make a small model the champion."""
    model = small.model()
    artefact.save(model, settings.models_dir / model.card.version)
    champion.promote(settings, database, model.card.version, "test", {}, EVENING)


def started(database: Database) -> list[tuple[str, str]]:
    """Return kind and trigger of all runs, oldest first."""
    with database.read() as db:
        return [(run.kind, run.trigger) for run in reversed(runs.recent(db))]


def wait_for_a_run(database: Database) -> None:
    """Return when a run is there."""
    give_up = monotonic() + 30
    while not started(database) and monotonic() < give_up:
        sleep(0.01)


def test_without_a_champion_the_first_run_starts(evening: Settings, database: Database) -> None:
    """Once: a second look finds it running, and one after it was killed starts it again."""
    scheduler = Scheduler(evening, database)
    scheduler.tick()
    scheduler.tick()
    assert started(database) == [("first_run", "no champion")]
    launch.stop_all()
    scheduler.tick()
    assert started(database) == [("first_run", "no champion")] * 2


@pytest.mark.usefixtures("crowned")
def test_after_the_close_the_cycle_starts_once(evening: Settings, database: Database) -> None:
    """At start it makes up for what is due; a look later has nothing to add, even when that run failed."""
    scheduler = Scheduler(evening, database)
    scheduler.tick()
    scheduler.tick()
    assert started(database) == [("cycle", "close of XNYS")]


def test_proofs_that_a_stopped_first_run_left_are_made_up_for(
    evening: Settings, settings: Settings, database: Database
) -> None:
    """The champion owes them and no first run is at them; once they have run, none is started."""
    model = small.model()
    version = model.card.version
    artefact.save(model, settings.models_dir / version)
    champion.promote(settings, database, version, "test", {OWED: True}, EVENING)
    scheduler = Scheduler(evening, database)
    first = runs.start(database, "first_run", "no champion", EVENING)
    scheduler.tick()
    assert ("prove", "stopped first run") not in started(database)
    runs.finish(database, first.id, "lost", "gone", None, EVENING)
    scheduler.tick()
    assert ("prove", "stopped first run") in started(database)
    launch.stop_all()
    decide(database, "proof", version, None, "they hold", {"proofs": [{"name": "leakage", "passed": True}]}, EVENING)
    scheduler.tick()
    assert started(database).count(("prove", "stopped first run")) == 1


@pytest.mark.usefixtures("crowned")
def test_only_the_leader_starts_jobs(evening: Settings, database: Database) -> None:
    """Of two serving processes one does the work."""
    leader, other = Scheduler(evening, database), Scheduler(evening, database)
    for scheduler in (leader, other, leader, other):
        scheduler.tick()
    assert len(started(database)) == 1


@pytest.mark.usefixtures("crowned")
async def test_with_a_fixed_time_it_looks_once_and_rests(evening: Settings, database: Database) -> None:
    """`NEXTCLOSE_NOW` never passes: what is due then is started, and nothing is left to wake up for."""
    scheduler = Scheduler(evening, database)
    scheduler.start()
    await asyncio.to_thread(wait_for_a_run, database)
    assert scheduler._scheduler is not None
    assert scheduler._scheduler.get_jobs() == []
    await scheduler.stop()
    assert started(database) == [("cycle", "close of XNYS")]


async def test_a_running_scheduler_looks_again_and_never_drops_a_late_look(
    settings: Settings, database: Database
) -> None:
    """The look comes back on an interval; one that is late, however much, is made once."""
    scheduler = Scheduler(settings, database)
    scheduler.start()
    assert scheduler._scheduler is not None
    (job,) = scheduler._scheduler.get_jobs()
    assert (job.misfire_grace_time, job.coalesce, job.max_instances) == (None, True, 1)
    assert job.trigger.interval.total_seconds() == 15
    await scheduler.stop()


async def test_a_replica_that_only_serves_has_no_scheduler(settings: Settings, database: Database) -> None:
    """With the scheduler off nothing is started, and stopping is harmless."""
    scheduler = Scheduler(settings.model_copy(update={"scheduler": "off"}), database)
    scheduler.start()
    await scheduler.stop()
    assert started(database) == []


@pytest.mark.usefixtures("crowned")
def test_a_leader_that_slept_while_another_did_the_work_does_nothing(
    evening: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looked before the other one started, and starts after the other one ended: the key was run for."""
    sleeper, other = Scheduler(evening, database), Scheduler(evening, database)

    def slept(*arguments: object) -> None:
        monkeypatch.undo()
        lease.release(database, LeaseRow, schedule.LEASE, sleeper._holder)
        other.tick()
        with database.read() as db:
            (run,) = runs.running(db)
        launch._children[run.id][1].join()
        launch.launch(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(schedule, "launch", slept)  # the only way to fall asleep between two statements
    sleeper.tick()
    assert started(database) == [("cycle", "close of XNYS")]


@pytest.mark.usefixtures("crowned")
def test_a_close_that_passes_between_the_look_and_the_start_isnt_lost(
    settings: Settings, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A leader that sleeps there starts what it found due, as of its look; the close since then is still to come."""
    clock = tmp_path / "now"
    clock.write_text("2021-12-31T21:00:00")

    def slept(*arguments: object) -> None:
        clock.write_text(EVENING.isoformat())
        launch.launch(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(schedule, "launch", slept)  # the only way to fall asleep between two statements
    Scheduler(settings.model_copy(update={"now": ClockFile(clock)}), database).tick()
    with database.read() as db:
        (run,) = runs.recent(db)
        assert run.started_at == datetime(2021, 12, 31, 21, 0, tzinfo=UTC)
        assert plan.due(db, EVENING) == ["XNYS"]
