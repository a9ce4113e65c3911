"""When a cycle is due, by the exchange's own closes."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from app.core.db import Database
from app.jobs import plan, runs
from app.jobs.tables import State
from app.prices import store
from tests.forecasts import small

CLOSE = datetime(2021, 12, 31, 21, 0, tzinfo=UTC)
FIRST = CLOSE + timedelta(minutes=32)
SECOND, THIRD = CLOSE + timedelta(minutes=90), CLOSE + timedelta(minutes=270)


@pytest.fixture
def watched(database: Database) -> Callable[..., None]:
    """Return what stores the watched symbol AAA with bars up to a session."""

    def store_up_to(last: date) -> None:
        with database.write() as db:
            store.upsert(db, small.bars(("AAA",), first=last, last=last), "file", small.NOW)
            store.watch(db, ["AAA"], small.NOW)

    return store_up_to


def ran(database: Database, started_at: datetime, state: State = "done", kind: str = "cycle") -> None:
    """Leave a run of that time behind."""
    run = runs.start(database, kind, "test", started_at)
    runs.finish(database, run.id, state, "", None, started_at)


def due(database: Database, now: datetime) -> list[str]:
    """Ask the plan."""
    with database.read() as db:
        return plan.due(db, now)


def test_a_session_wants_its_cycle_once(database: Database, watched: Callable[..., None]) -> None:
    """Two minutes after its bar is final, not before; and not again when the bar came."""
    watched(date(2021, 12, 31))
    ran(database, FIRST - timedelta(days=1))
    assert due(database, FIRST - timedelta(seconds=1)) == []
    assert due(database, FIRST) == ["XNYS"]
    ran(database, FIRST)
    assert due(database, FIRST + timedelta(seconds=15)) == []
    assert due(database, THIRD + timedelta(days=1)) == []


def test_a_missed_cycle_is_made_up_for(database: Database, watched: Callable[..., None]) -> None:
    """After days without the service one cycle is due, not one a session; so it is in a new store."""
    watched(date(2021, 12, 20))
    assert due(database, FIRST + timedelta(days=2)) == ["XNYS"]
    ran(database, FIRST - timedelta(days=9))
    assert due(database, FIRST + timedelta(days=2)) == ["XNYS"]


def test_a_session_whose_bar_is_missing_is_tried_again(database: Database, watched: Callable[..., None]) -> None:
    """One and four hours after the bar should be there, while it isn't; a failed run counts as a try."""
    watched(date(2021, 12, 30))
    ran(database, FIRST, "failed")
    assert due(database, SECOND - timedelta(seconds=1)) == []
    assert due(database, SECOND) == ["XNYS"]
    ran(database, SECOND)
    assert due(database, SECOND + timedelta(minutes=1)) == []
    assert due(database, THIRD) == ["XNYS"]
    ran(database, THIRD)
    assert due(database, THIRD + timedelta(hours=40)) == []


def test_a_hole_before_the_newest_bar_is_tried_again(database: Database) -> None:
    """One, two and four hours after the close while one of the last ten sessions is missing; then no more."""
    lacking = small.bars(("AAA",), first=date(2021, 12, 1), last=date(2021, 12, 31))
    with database.write() as db:
        store.upsert(db, lacking.filter(pl.col("session") != date(2021, 12, 29)), "file", small.NOW)
        store.watch(db, ["AAA"], small.NOW)
    ran(database, FIRST)
    tries = [SECOND, SECOND + timedelta(hours=1), THIRD]
    for at in tries:
        assert due(database, at - timedelta(seconds=1)) == []
        assert due(database, at) == ["XNYS"]
        ran(database, at)
    assert due(database, THIRD + timedelta(hours=40)) == []


def test_a_lost_run_is_no_try(database: Database, watched: Callable[..., None]) -> None:
    """A cycle whose process was killed is due again at once; a first run counts as a cycle."""
    watched(date(2021, 12, 31))
    ran(database, FIRST, "lost")
    assert due(database, FIRST + timedelta(seconds=15)) == ["XNYS"]
    ran(database, FIRST + timedelta(seconds=20), kind="first_run")
    assert due(database, FIRST + timedelta(seconds=30)) == []


def test_an_early_close_comes_early() -> None:
    """The day after Thanksgiving closes at 13:00 in New York; the next session is Monday's."""
    friday = datetime(2021, 11, 26, 12, 0, tzinfo=UTC)
    assert plan.next_cycle("XNYS", friday) == datetime(2021, 11, 26, 18, 32, tzinfo=UTC)
    assert plan.next_cycle("XNYS", friday + timedelta(hours=8)) == datetime(2021, 11, 29, 21, 32, tzinfo=UTC)


def test_the_plan_says_what_comes_next(database: Database, watched: Callable[..., None]) -> None:
    """The cycle of each exchange that is watched, and the week's check: now while it is due, else next Monday."""
    watched(date(2021, 12, 31))
    with database.read() as db:
        due = plan.upcoming(db, CLOSE)
    cycle = plan.Upcoming("cycle", "XNYS", FIRST)
    assert due == [plan.Upcoming("check", None, CLOSE), cycle]
    ran(database, CLOSE, kind="check")
    with database.read() as db:
        later = plan.upcoming(db, CLOSE)
    assert later == [cycle, plan.Upcoming("check", None, datetime(2022, 1, 3, tzinfo=UTC))]


def test_a_week_wants_one_check_and_waits_for_quiet(database: Database) -> None:
    """Not beside another job, and not twice in an ISO week; a lost one is made up for."""

    def wanted(now: datetime) -> bool:
        with database.read() as db:
            return plan.check_is_due(db, now)

    assert wanted(CLOSE)
    cycle = runs.start(database, "cycle", "test", CLOSE)
    assert not wanted(CLOSE)
    runs.finish(database, cycle.id, "done", "", None, CLOSE)
    ran(database, CLOSE, "lost", kind="check")
    assert wanted(CLOSE)
    ran(database, CLOSE + timedelta(minutes=1), kind="check")
    assert not wanted(CLOSE + timedelta(days=2))
    assert wanted(CLOSE + timedelta(days=3))


def test_a_cycle_is_for_a_session_and_an_instant_after_its_close() -> None:
    """The key changes with each later instant, and with the session."""
    keys = [plan.cycle_keys(["XNYS"], at)[0] for at in (FIRST, SECOND, THIRD, FIRST + timedelta(days=3))]
    assert keys == ["XNYS 2021-12-31 1", "XNYS 2021-12-31 2", "XNYS 2021-12-31 4", "XNYS 2022-01-03 1"]
