"""Partial dependence: the mean of what the model itself would say, were one feature something else."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from app.core.db import Database
from app.core.errors import NotThere
from app.forecasts.prediction.dependence import POINTS, dependence, ground
from app.registry.components.scale import HistoryScale
from tests.forecasts import small


@pytest.fixture
def stored(forecaster: object, database: Database) -> Database:
    """Return the store with the small market."""
    del forecaster
    return database


def test_it_follows_the_weight(stored: Database) -> None:
    """Log sigma is linear in the feature with a positive weight: the move grows with it, the return doesn't change."""
    model = small.model()
    found = ground(stored, model)
    drawn = dependence(found, model, "range_1")
    values, moves = [one.value for one in drawn.points], [one.expected_move for one in drawn.points]
    assert len(values) == POINTS
    assert values == sorted(values)
    assert all(before < after for before, after in pairwise(moves))
    assert len({round(one.predicted_return, 12) for one in drawn.points}) > 1  # the location is in units of sigma
    assert (drawn.symbols, drawn.as_of) == (len(small.SYMBOLS), small.LAST)


def test_with_its_own_value_it_is_the_forecasts(stored: Database) -> None:
    """Of one symbol alone, set to what the feature is, the dependence is what the model forecasts."""
    model = small.model()
    found = ground(stored, model)
    row = found.rows.head(1)
    alone = replace(found, rows=row, values={"range_1": (row["range_1"][0],)})
    point = dependence(alone, model, "range_1").points[0]
    made = model.pipeline.forecast(row, state=found.state)
    assert point.predicted_return == pytest.approx(np.expm1(made["return_log"][0]))


def test_a_flag_that_is_rarely_up_has_its_own_values(stored: Database) -> None:
    """Quantiles of zeros are one zero: the values themselves are taken."""
    model = small.model()
    rare = pl.Series([0.0] * 400 + [1.0])
    found = ground(stored, model)
    from app.forecasts.prediction import dependence as module

    assert module._quantiles(rare) == (0.0, 1.0)
    assert module._quantiles(pl.Series([None, float("nan")], dtype=pl.Float64)) == ()
    assert dependence(replace(found, values={"range_1": ()}), model, "range_1").points == ()


def test_what_isnt_there_is_said(stored: Database) -> None:
    """A feature that the model doesn't read, a model that reads none, a market that has no prices here."""
    model = small.model()
    with pytest.raises(NotThere, match="reads no feature 'rsi_14'"):
        dependence(ground(stored, model), model, "rsi_14")
    plain = replace(model, pipeline=replace(model.pipeline, scale=HistoryScale(250)))
    with pytest.raises(NotThere, match="reads no features"):
        ground(stored, plain)
    strange = replace(model, card=model.card.model_copy(update={"symbols": ("ZZZ",)}))
    with pytest.raises(NotThere, match="none of the symbols"):
        ground(stored, strange)
