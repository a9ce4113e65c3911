"""What stands beside a forecast: moves by their formula, the next results by their timing, what was lacking."""

from datetime import date, datetime, timedelta

import polars as pl
import pytest

from app.core.clock import Clock, calendar
from app.core.db import Database
from app.core.settings import Settings
from app.forecasts.ledger.events import first_traded
from app.forecasts.ledger.forecast import Forecast
from app.forecasts.prediction.forecaster import Forecaster
from app.forecasts.prediction.situation import (
    NO_DAYS,
    NO_INDEX,
    EventAhead,
    Situation,
    usual_move,
)
from app.prices.frame import REPORTED_SCHEMA
from app.prices.store import event_updates, write
from tests.forecasts import small
from tests.forecasts.small import LAST, NOW

CLOSE = calendar().close_at(LAST)
AHEAD = date(2022, 1, 27)


def test_the_usual_move_is_the_mean_absolute_simple_return() -> None:
    """Up a tenth, down a half; too few closes are no move."""
    assert usual_move([100.0, 110.0, 55.0]) == pytest.approx(0.3)
    assert usual_move([100.0]) is None


def _tell(database: Database, now: datetime, *days: tuple[date, str], symbol: str = "AAA") -> None:
    reported = pl.DataFrame([(symbol, *day, None) for day in days], schema=REPORTED_SCHEMA, orient="row")
    with database.write() as db:
        event_updates.update(db, reported, "yahoo", now)


def _beside(forecaster: Forecaster, symbol: str = "AAA") -> tuple[Forecast, Situation]:
    made = forecaster.latest(symbol)
    return made, forecaster.situations([made])[0]


def test_the_next_results_are_counted_in_sessions(forecaster: Forecaster, database: Database) -> None:
    """2022-01-27 after the close is first traded on the 28th, nineteen sessions after 2021-12-31."""
    _tell(database, CLOSE - timedelta(hours=1), (date(2021, 10, 28), "amc"), (AHEAD, "amc"))
    _, beside = _beside(forecaster)
    assert beside.event == EventAhead("earnings", AHEAD, "amc", 19)
    assert NO_DAYS not in beside.missing_inputs


@pytest.mark.parametrize(("day", "timing"), [(LAST, "amc"), (date(2022, 1, 3), "bmo")])
def test_one_session_until_says_that_the_forecast_is_about_it(
    forecaster: Forecaster, database: Database, day: date, timing: str
) -> None:
    """The last evening's results and the next morning's are first traded in the target session."""
    _tell(database, CLOSE - timedelta(hours=1), (day, timing))
    made, beside = _beside(forecaster)
    assert beside.event == EventAhead("earnings", day, timing, 1)
    assert first_traded(day, timing, calendar()) == made.target_session


def test_without_any_source_a_forecast_says_what_it_lacked(forecaster: Forecaster) -> None:
    """Nothing known: no event, and both inputs are named."""
    _, beside = _beside(forecaster)
    assert (beside.event, beside.missing_inputs) == (None, (NO_DAYS, NO_INDEX))
    assert 0 < beside.expected_move < 0.2
    assert beside.usual_move == pytest.approx(
        (small.bars(("AAA",))["close"].pct_change().abs().tail(250)).mean(), rel=1e-9
    )


def test_days_of_years_ago_are_not_known_days(forecaster: Forecaster, database: Database) -> None:
    """A company tells results each quarter: what ends a year ago is lacking."""
    _tell(database, CLOSE - timedelta(hours=1), (date(2020, 10, 28), "amc"))
    assert NO_DAYS in _beside(forecaster)[1].missing_inputs


def test_a_day_seen_after_the_close_is_told_and_was_no_input(forecaster: Forecaster, database: Database) -> None:
    """A forecast may not use it any more; the reader hears of both."""
    _tell(database, CLOSE + timedelta(minutes=1), (AHEAD, "amc"))
    _, beside = _beside(forecaster)
    assert beside.event is not None
    assert NO_DAYS in beside.missing_inputs


def test_the_index_counts_where_it_has_the_last_sessions_bar(forecaster: Forecaster, database: Database) -> None:
    """A bar of the session itself; one that came later doesn't change what an earlier forecast lacked."""
    index = small.bars(("AAA",)).with_columns(pl.lit("^VIX").alias("symbol"))
    with database.write() as db:
        write.upsert(db, index.filter(pl.col("session") < LAST), "yahoo", NOW)
    assert NO_INDEX in _beside(forecaster)[1].missing_inputs
    with database.write() as db:
        write.upsert(db, index, "yahoo", NOW)
    assert NO_INDEX not in _beside(forecaster)[1].missing_inputs
    with database.write() as db:
        write.upsert(db, index.with_columns(pl.col("close") * 1.01), "yahoo", NOW + timedelta(hours=1))
    assert NO_INDEX not in _beside(forecaster)[1].missing_inputs


def test_what_stood_beside_a_forecast_stays(forecaster: Forecaster, database: Database, settings: Settings) -> None:
    """Law 1: a day that moves later, or is reported later, changes no earlier answer."""
    _tell(database, CLOSE - timedelta(hours=1), (AHEAD, "amc"))
    made, before = _beside(forecaster)
    _tell(database, NOW + timedelta(days=1), (date(2022, 2, 1), "bmo"))
    later = Forecaster(settings, database, Clock(NOW + timedelta(days=1)))
    assert later.situations([made]) == [before]
