"""The replay proof: a stored forecast is rebuilt from what was known then."""

from collections.abc import Callable
from datetime import date, timedelta

import polars as pl
import pytest

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import NotThere
from app.core.settings import Settings
from app.forecasts.prediction.forecaster import Forecaster
from app.forecasts.prediction.rebuild import rebuild
from tests.forecasts import small
from tests.tampering import unguard

Put = Callable[..., None]
EVE = date(2021, 12, 30)


def test_a_forecast_is_rebuilt_to_the_last_digit(
    settings: Settings, database: Database, put: Put, promote: Callable[..., None]
) -> None:
    """After later bars, a split that restated the history, and another champion, the old numbers come out again."""
    evening = small.NOW - timedelta(days=1)
    put(small.bars(last=EVE), evening)
    promote(small.model())
    stored = Forecaster(settings, database, Clock(evening)).latest("BBB")
    prices = ("open", "high", "low", "close", "adj_close")
    put(small.bars().with_columns(pl.col(prices) * 0.3), small.NOW)
    promote(small.model("v2", lean=0.7))

    proof = rebuild(settings, database, stored.id)
    assert proof.differences == ()
    assert proof.rebuilt == proof.stored == stored


def test_a_forecast_that_was_altered_is_named(
    settings: Settings, database: Database, put: Put, promote: Callable[..., None]
) -> None:
    """A number that the bars and the model don't give shows up as a difference; an unknown id is said to be one."""
    put(small.bars())
    promote(small.model())
    stored = Forecaster(settings, database, Clock(small.NOW)).latest("AAA")
    unguard(database, "forecast")
    with database.write() as db:
        db.connection().exec_driver_sql("UPDATE forecast SET prob_up = prob_up + 1e-15")
    assert rebuild(settings, database, stored.id).differences == ("prob_up",)
    with pytest.raises(NotThere):
        rebuild(settings, database, "01J")
