"""Scoring: a forecast meets its close, on the basis it was made on, once."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from math import exp, log

import polars as pl
import pytest
from sqlmodel import select

from app.core.clock import Clock
from app.core.db import Database
from app.core.settings import Settings
from app.forecasts.ledger import records
from app.forecasts.ledger.forecast import Forecast, Score
from app.forecasts.ledger.scoring import score_all, score_due
from app.forecasts.ledger.tables import ScoreRow
from app.forecasts.ledger.track_record import track_record
from app.forecasts.prediction.forecaster import Forecaster
from tests.forecasts import small
from tests.forecasts.ledger.test_records import forecast

Put = Callable[..., None]
EVE, DAY = date(2021, 12, 30), date(2021, 12, 31)
EVENING = datetime(2021, 12, 30, 22, 0, tzinfo=UTC)
PRICES = ("open", "high", "low", "close", "adj_close")


@pytest.fixture
def made(settings: Settings, database: Database, put: Put, promote: Callable[..., None]) -> Forecast:
    """Return a forecast of the eve of the market's last day, whose close isn't known yet."""
    put(small.bars(last=EVE), EVENING)
    promote(small.model())
    return Forecaster(settings, database, Clock(EVENING)).latest("AAA")


def settle(database: Database, made: Forecast) -> Score | None:
    """Score what is due on the next evening, and return this forecast's score."""
    score_due(database, Clock(small.NOW))
    with database.read() as db:
        return records.get(db, made.id).score


def close_of(session: date) -> float:
    """Return AAA's simulated close."""
    return float(small.bars(("AAA",)).filter(pl.col("session") == session)["close"][0])


def test_a_forecast_is_scored_when_its_close_is_there(database: Database, put: Put, made: Forecast) -> None:
    """Nothing before the target's bar is final; then the errors against the close, and against the random walk."""
    assert settle(database, made) is None
    put(small.bars(first=DAY))
    score = settle(database, made)
    assert score is not None
    realised = close_of(DAY)
    assert score.realised_close == realised
    assert score.realised_return == pytest.approx(realised / close_of(EVE) - 1, rel=1e-12)
    assert score.abs_error == pytest.approx(abs(made.predicted_close - realised), rel=1e-12)
    assert score.abs_error_random_walk == pytest.approx(abs(close_of(EVE) - realised), rel=1e-12)
    assert score.scored_at == small.NOW
    assert 0.0 < score.pit < 1.0


def test_a_score_is_written_once(database: Database, put: Put, made: Forecast) -> None:
    """A second look finds nothing to do; nor does one after a split that restated the whole history."""
    put(small.bars(first=DAY))
    first = settle(database, made)
    assert score_due(database, Clock(small.NOW + timedelta(hours=1))) == 0
    put(small.bars(("AAA",)).with_columns(pl.col(PRICES) / 3), small.NOW + timedelta(hours=1))
    assert score_due(database, Clock(small.NOW + timedelta(hours=1))) == 0
    assert settle(database, made) == first


def test_a_revised_close_gives_a_second_score_beside_the_first(database: Database, put: Put, made: Forecast) -> None:
    """The first score stays as it was written; the ledger answers with the newest."""
    put(small.bars(first=DAY))
    first = settle(database, made)
    later = small.NOW + timedelta(hours=1)
    revised = small.bars(("AAA",), first=DAY).with_columns(pl.col(PRICES) * 1.001)
    put(revised, later)
    assert [score_due(database, Clock(later)) for _ in range(2)] == [1, 0]
    second = settle(database, made)
    assert first is not None
    assert second is not None
    assert (first.revision, second.revision, second.scored_at) == (0, 1, later)
    assert second.realised_close == pytest.approx(first.realised_close * 1.001, rel=1e-9)
    with database.read() as db:
        rows = db.exec(select(ScoreRow).where(ScoreRow.forecast_id == made.id)).all()
        assert [Score.model_validate(row) for row in rows] == [first, second]
        assert records.page(db, symbol="AAA").entries[0].score == second
        assert track_record(db, symbol="AAA").n == 1


def test_a_split_before_the_close_is_scored_on_the_basis_of_the_forecast(
    database: Database, put: Put, made: Forecast
) -> None:
    """A four for one split restates the history to a quarter; the score is the one without the split."""
    after_split = small.bars().with_columns(
        pl.when(pl.col("symbol") == "AAA").then(pl.col(price) / 4).otherwise(pl.col(price)).alias(price)
        for price in PRICES
    )
    put(after_split)
    score = settle(database, made)
    assert score is not None
    assert score.realised_close == pytest.approx(close_of(DAY), rel=1e-12)
    assert score.abs_error == pytest.approx(abs(made.predicted_close - close_of(DAY)), rel=1e-9)
    untouched = dict(small.bars(("AAA",)).select("session", "close").iter_rows())
    (twin,) = score_all([made], untouched, small.NOW)
    assert score.crps == pytest.approx(twin.crps, rel=1e-9)
    assert score.crps_random_walk == pytest.approx(twin.crps_random_walk, rel=1e-9)


def test_a_forecast_without_its_bar_waits(database: Database, put: Put, made: Forecast) -> None:
    """A session that was skipped (a halt) leaves its forecast open, and its neighbours are scored."""
    put(small.bars(first=DAY).filter(pl.col("symbol") != "AAA"))
    assert settle(database, made) is None
    assert score_all([made], {EVE: 100.0}, small.NOW) == []


CLOSES = {date(2021, 1, 4) + timedelta(days=day): 100.0 * exp(0.01 * (-1) ** day) for day in range(-300, 1)}


def scored(realised: float, **changed: object) -> Score:
    """Score the literal forecast 100, quantiles 98.57 … 101.43, against a close."""
    made = forecast(0, last_close=CLOSES[date(2021, 1, 4)], **changed)
    (score,) = score_all([made], {**CLOSES, date(2021, 1, 5): realised}, small.NOW)
    return score


def test_hits_are_inside_or_on_the_bounds() -> None:
    """The 50 % band is quantiles 5 to 15, the 80 % band 2 to 18, the 95 % band 0 to 20."""
    quantiles = tuple(float(close) for close in range(90, 111))
    closes = (95.0, 94.9, 92.0, 91.9, 90.0, 89.9, 105.0, 110.1)
    scores = [scored(close, quantiles=quantiles) for close in closes]
    assert [(score.hit_50, score.hit_80, score.hit_95) for score in scores] == [
        (True, True, True), (False, True, True), (False, True, True), (False, False, True),
        (False, False, True), (False, False, False), (True, True, True), (False, False, False),
    ]  # fmt: skip


def test_direction_counts_only_where_a_side_was_taken_and_the_close_moved() -> None:
    """More than a half is up; exactly a half is no side; no move is no outcome."""
    last = CLOSES[date(2021, 1, 4)]
    assert scored(last + 1, prob_up=0.51).hit_direction is True
    assert scored(last - 1, prob_up=0.51).hit_direction is False
    assert scored(last - 1, prob_up=0.49).hit_direction is True
    assert scored(last + 1, prob_up=0.5).hit_direction is None
    assert scored(last, prob_up=0.51).hit_direction is None


def test_the_random_walk_has_the_quantiles_of_the_last_250_returns() -> None:
    """Closes that alternate by 2 % have returns of +-2 %, half of them each: the CRPS at no move, by hand.

    250 returns, 125 of each sign: below the median every quantile is -2 %, above it +2 %, the median itself 0. Sum of
    level times 2 % over the ten lower levels is 2 % x 2.275, the same above; mean over 21 levels, times 2.
    """
    last = CLOSES[date(2021, 1, 4)]
    low, high = last * (1 - exp(-0.02)), last * (exp(0.02) - 1)
    assert scored(last).crps_random_walk == pytest.approx(2 / 21 * 2.275 * (low + high), rel=1e-9)
    assert log(last / 100.0) == pytest.approx(0.01)


def test_a_young_symbol_is_compared_with_the_returns_it_has() -> None:
    """With one return its quantiles are that return, with none the walk stays where it is; both in one go."""
    closes = {date(2021, 1, 4): 100.0, date(2021, 1, 5): 110.0, date(2021, 1, 6): 99.0}
    first, second = score_all([forecast(0), forecast(1, last_close=110.0)], closes, small.NOW)
    assert first.crps_random_walk == pytest.approx(10.0)
    assert second.crps_random_walk == pytest.approx(121.0 - 99.0)
