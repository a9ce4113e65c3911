"""The track record: scores summed up, each figure with its error and its baseline."""

from collections.abc import Callable
from datetime import date, timedelta

import polars as pl
import pytest

from app.core.db import Database
from app.forecasts.ledger import due, records
from app.forecasts.ledger.forecast import Score
from app.forecasts.ledger.track_record import Coverage, TrackRecord, track_record
from app.prices.frame import REPORTED_SCHEMA
from app.prices.store import event_updates
from tests.forecasts import small
from tests.forecasts.ledger.test_records import forecast

DAYS = 40


@pytest.fixture(autouse=True)
def _symbols(put: Callable[..., None]) -> None:
    put(small.bars(first=small.LAST))


def fill(database: Database, days: int = DAYS) -> None:
    """Keep 40 days of AAA and BBB, and one unscored; AAA is half as wrong as the random walk, BBB as wrong as it."""
    made, scores = [], []
    for day in range(days):
        for symbol, error in (("AAA", 0.5), ("BBB", 4.0)):
            wild = 0.01 if day < DAYS // 2 else 0.03
            one = forecast(day, symbol, last_close=100.0 if symbol == "AAA" else 400.0, sigma=wild)
            made.append(one)
            scores.append(
                Score(
                    forecast_id=one.id,
                    revision=0,
                    realised_close=101.0,
                    realised_return=0.01 if day % 4 else -0.01,
                    abs_error=error,
                    abs_error_random_walk=1.0 if symbol == "AAA" else 4.0,
                    hit_direction=None if day == 0 else day % 2 == 0,
                    hit_50=day % 2 == 0,
                    hit_80=day % 5 != 0,
                    hit_95=True,
                    crps=0.3 if symbol == "AAA" else 1.2,
                    crps_random_walk=0.4 if symbol == "AAA" else 1.6,
                    pit=0.5,
                    scored_at=small.NOW,
                )
            )
    with database.write() as db:
        records.append(db, [*made, forecast(days, "AAA")])
        assert due.add_scores(db, scores) == 2 * days
        assert due.add_scores(db, scores) == 0


def record(database: Database, **asked: object) -> TrackRecord:
    """Read the record."""
    with database.read() as db:
        return track_record(db, **asked)  # type: ignore[arg-type]


def test_an_empty_ledger_has_a_record_that_claims_nothing(database: Database) -> None:
    """No figure, no interval, no error: None says that it isn't known yet."""
    empty = record(database)
    assert (empty.n, empty.pending, empty.mae, empty.mae_ratio.value, empty.crps_skill.value) == (
        0,
        0,
        None,
        None,
        None,
    )
    assert (empty.direction.n, empty.direction.base_rate, empty.first_target) == (0, None, None)
    assert all(one.share.value is None for one in empty.coverage)


@pytest.mark.parametrize(("days", "told"), [(19, False), (20, True)])
def test_few_sessions_have_a_ratio_and_no_interval(database: Database, days: int, *, told: bool) -> None:
    """A bootstrap of nineteen sessions only repeats what it has."""
    fill(database, days)
    ratio = record(database).mae_ratio
    assert ratio.value is not None
    assert [bound is not None for bound in (ratio.lower, ratio.upper)] == [told, told]


def test_errors_are_in_parts_of_the_last_close(database: Database) -> None:
    """AAA's 0.5 of 100 and BBB's 4 of 400 weigh by their close: (0.005 + 0.01) / 2, and 0.75 of the random walk."""
    fill(database)
    whole = record(database)
    assert (whole.n, whole.live, whole.replay, whole.pending) == (80, 80, 0, 1)
    assert whole.mae == pytest.approx(0.0075)
    assert whole.mae_ratio.value == pytest.approx(0.75)
    assert (whole.mae_ratio.lower, whole.mae_ratio.upper) == pytest.approx((0.75, 0.75))
    assert whole.crps_skill.value == pytest.approx(0.25)
    assert whole.crps_skill.lower == pytest.approx(0.25)


def test_direction_stands_beside_its_base_rate(database: Database) -> None:
    """38 of 78 sides were right; always saying up would have been right in 60 of them."""
    fill(database)
    direction = record(database).direction
    assert (direction.n, direction.hit_rate.value) == (78, pytest.approx(38 / 78))
    assert direction.base_rate == pytest.approx(60 / 78)
    assert direction.hit_rate.lower is not None
    assert direction.hit_rate.upper is not None
    assert direction.hit_rate.lower < 38 / 78 < direction.hit_rate.upper


def test_coverage_is_told_by_level_and_by_tercile(database: Database) -> None:
    """Three levels for all rows, and for each third of the forecasts' own scale."""
    fill(database)
    coverage = {(one.level, one.group): one for one in record(database).coverage}
    assert len(coverage) == 12
    assert coverage[0.5, "all"].share.value == pytest.approx(0.5)
    assert coverage[0.8, "all"].share.value == pytest.approx(0.8)
    assert coverage[0.95, "wild"].share.value in (None, 1.0)
    assert sum(coverage[0.5, group].n for group in ("calm", "middle", "wild")) == 80
    assert isinstance(coverage[0.5, "calm"], Coverage)


def test_sessions_that_trade_results_first_stand_apart(database: Database) -> None:
    """AAA's results of 5 January after the close are traded on the 6th: one event row of 80."""
    fill(database)
    reported = pl.DataFrame([("AAA", date(2021, 1, 5), "amc", None)], schema=REPORTED_SCHEMA, orient="row")
    with database.write() as db:
        event_updates.update(db, reported, "yahoo", small.NOW)
    coverage = {(one.level, one.group): one for one in record(database).coverage}
    assert [coverage[0.5, group].n for group in ("event", "other", "all")] == [1, 79, 80]
    assert coverage[0.5, "event"].share.value == 0.0
    assert coverage[0.5, "other"].share.value == pytest.approx(40 / 79)
    assert [coverage[level, "event"].share.value for level in (0.8, 0.95)] == [1.0, 1.0]


def test_a_record_can_be_of_one_symbol_one_model_or_the_last_days(database: Database) -> None:
    """The choice is said in the answer; days are counted back from the newest target."""
    fill(database)
    assert record(database, symbol="BBB").mae_ratio.value == pytest.approx(1.0)
    assert record(database, model="v1").n == 80
    assert record(database, model="none such").n == 0
    week = record(database, days=7)
    assert week.last_target == date(2021, 1, 5) + timedelta(days=DAYS - 1)
    assert (week.n, week.days) == (12, 7)
    assert week.mae_ratio.lower is None


def test_a_model_that_had_seen_the_answer_doesnt_count(database: Database) -> None:
    """A symbol that lagged behind was forecast by a model trained on later sessions: that proves nothing."""
    fill(database)
    target = forecast(3, "AAA").target_session
    knowing = forecast(3, "AAA", model_version="v2", trained_through=target)
    honest = forecast(3, "AAA", model_version="v3", trained_through=target - timedelta(days=1))
    with database.write() as db:
        records.append(db, [knowing, honest])
    assert record(database, model="v2").pending == 0
    assert record(database, model="v3").pending == 1
