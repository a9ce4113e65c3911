"""A forecast is a pure function of the rows it may see, to the bit."""

import json
from datetime import date

import numpy as np
import polars as pl
import pytest

from app.registry.components.history import history_mean, history_quantiles
from app.registry.components.levels import INTERVALS, LEVELS, QUANTILE_NAMES
from app.registry.components.location import DriftLocation, SumLocation, ZeroLocation
from app.registry.components.panel import Panel
from app.registry.components.scale import EwmaScale, HistoryScale, Scale
from app.registry.components.shape import HistoryShape, PooledShape, Shape
from app.registry.versions.model import Model
from app.registry.versions.pipeline import Pipeline, prob_up

KNOWN = ("is_event", "knows_dates", "knows_index")


def test_levels_are_the_contracts() -> None:
    """21 of them, named q025 … q975, and the interval bounds stand where they should."""
    assert QUANTILE_NAMES[:4] == ("q025", "q050", "q100", "q150")
    assert QUANTILE_NAMES[-3:] == ("q900", "q950", "q975")
    assert [(LEVELS[low], LEVELS[high]) for low, high in INTERVALS.values()] == [
        (0.25, 0.75),
        (0.1, 0.9),
        (0.025, 0.975),
    ]


def test_forecast_has_its_columns_and_order(features: pl.DataFrame, model: Model) -> None:
    """One row per warm row, in the frame's order, quantiles non-decreasing around the location."""
    made = model.pipeline.forecast(features)
    assert made.columns == ["symbol", "session", "return_log", "sigma", "prob_up", *QUANTILE_NAMES, *KNOWN]
    assert made.select("symbol", "session").equals(features.filter("warm").select("symbol", "session"))
    assert np.all(np.diff(made.select(QUANTILE_NAMES).to_numpy(), axis=1) > 0)
    assert made["sigma"].is_between(0.005, 0.05).all()
    assert made.select(KNOWN).unique().row(0) == (False, False, False)


def test_what_the_model_doesn_t_read_isn_t_reported(features: pl.DataFrame, model: Model) -> None:
    """Without the columns nobody can say what was known."""
    made = model.pipeline.forecast(features.drop("earnings_day", "earnings_known", "index_level"))
    assert made.select(KNOWN).null_count().row(0) == (made.height,) * 3


def test_later_rows_change_no_forecast(features: pl.DataFrame, model: Model) -> None:
    """Cut anywhere, what was forecast before is the same to the bit."""
    whole = model.pipeline.forecast(features)
    for day in (date(2016, 6, 1), date(2017, 3, 8), date(2017, 10, 2)):
        cut = model.pipeline.forecast(features.filter(pl.col("session") <= day))
        assert cut.equals(whole.filter(pl.col("session") <= day))


@pytest.mark.parametrize("extra", [0, 1, 7, 100])
def test_rows_before_the_lookback_change_no_forecast(features: pl.DataFrame, model: Model, extra: int) -> None:
    """The newest session's forecast from the lookback alone is the whole history's, to the bit."""
    days = features["session"].unique().sort()
    short = features.filter(pl.col("session") >= days[-1 - model.pipeline.lookback - extra])
    newest = pl.col("session") == days[-1]
    assert model.pipeline.forecast(short).filter(newest).equals(model.pipeline.forecast(features).filter(newest))


def test_one_symbol_with_the_markets_state_is_the_same(features: pl.DataFrame, model: Model) -> None:
    """Served alone, with what the market taught, a symbol gets the forecast it gets among all."""
    alone = model.pipeline.forecast(features.filter(pl.col("symbol") == "CCC"), state=model.pipeline.state(features))
    assert alone.equals(model.pipeline.forecast(features).filter(pl.col("symbol") == "CCC"))


def test_adaptation_widens_after_large_moves(features: pl.DataFrame, model: Model) -> None:
    """Returns three times as large as forecast raise the level of the next sessions' sigma."""
    loud = features.with_columns(close=pl.col("close").pow(3))
    calm_level, loud_level = (model.pipeline.state(frame)["level"].tail(50).mean() for frame in (features, loud))
    assert loud_level > calm_level + 0.2


def test_since_leaves_out_earlier_sessions(features: pl.DataFrame, model: Model) -> None:
    """The rows from a session on are those of the whole forecast."""
    day = date(2017, 9, 1)
    assert model.pipeline.forecast(features, since=day).equals(
        model.pipeline.forecast(features).filter(pl.col("session") >= day)
    )


def test_history_quantiles_agree_with_numpy(features: pl.DataFrame) -> None:
    """The random walk's distribution is numpy's quantiles of the last 250 log returns."""
    panel = Panel(features)
    row = 2 * 700 + 333
    returns = np.diff(np.log(panel.close[row - 250 : row + 1]))
    assert history_quantiles(panel)[row] == pytest.approx(np.quantile(returns, LEVELS), abs=1e-15)
    assert history_mean(panel)[row] == pytest.approx(returns.mean(), abs=1e-12)
    assert np.isnan(history_quantiles(panel)[700 + 249]).all()


def test_baselines_need_no_feature(features: pl.DataFrame) -> None:
    """Random walk and drift from closes alone; the random walk predicts no move."""
    walk = Pipeline(HistoryScale(), HistoryShape()).forecast(features)
    drift = Pipeline(HistoryScale(), HistoryShape(recentred=True), DriftLocation(), 1.0).forecast(features)
    assert (walk["return_log"] == 0.0).all()
    mean = (
        drift.select(pl.mean_horizontal("q025", "q975")).to_series()
        - walk.select(pl.mean_horizontal("q025", "q975")).to_series()
    )
    assert mean.abs().max() < 1e-12


def test_ewma_agrees_with_the_recursion(features: pl.DataFrame) -> None:
    """The window of 256 is as good as RiskMetrics' recursion."""
    panel = Panel(features)
    squares = panel.realised[1:700] ** 2
    variance = squares[0]
    for value in squares[1:]:
        variance = 0.94 * variance + 0.06 * value
    assert EwmaScale().sigma(panel)[699] == pytest.approx(np.sqrt(variance), rel=1e-5)


def test_sum_adds_its_parts_by_weight(features: pl.DataFrame, model: Model) -> None:
    """A combination is what its parts say, each times its weight; a weight of zero isn't even asked."""
    panel, rows = Panel(features), np.arange(300, 320)
    part = model.pipeline.location
    sigma = np.full(len(rows), 0.01)
    both = SumLocation((part, ZeroLocation(), part), (0.5, 1.0, 0.25)).predict(panel, sigma, rows)
    assert both == pytest.approx(0.75 * part.predict(panel, sigma, rows))


def test_prob_up_interpolates_and_stays_inside() -> None:
    """A symmetric distribution is even; one wholly on one side says what 21 quantiles can."""
    even = np.array([[level - 0.5 for level in LEVELS]])
    assert prob_up(even) == pytest.approx([0.5])
    assert prob_up(even + 0.1) == pytest.approx([0.6])
    assert prob_up(even + 2.0) == pytest.approx([0.975])
    assert prob_up(even - 2.0) == pytest.approx([0.025])


def test_an_unsorted_frame_is_refused(features: pl.DataFrame) -> None:
    """Windows over rows in another order would be nonsense."""
    with pytest.raises(ValueError, match="sorted"):
        Panel(features.reverse())


def test_windows_agree_with_a_slow_twin(features: pl.DataFrame) -> None:
    """Doubling sums the last 8 rows of the symbol with their weights, and no row of another."""
    panel = Panel(features)
    values = np.random.default_rng(0).standard_normal(len(panel))
    fast = panel.decayed(values, 0.9, 3)
    for row in (0, 5, 700, 703, 1500):
        own = min(int(panel.row[row]) + 1, 8)
        slow = sum(0.9**k * values[row - k] for k in range(own))
        assert fast[row] == pytest.approx(slow)


@pytest.mark.parametrize("scale", [HistoryScale(66), EwmaScale(0.97, 7, 44)])
@pytest.mark.parametrize("shape", [HistoryShape(66, recentred=True), PooledShape(LEVELS, 1000)])
def test_plain_values_come_back_as_the_same_pipeline(scale: Scale, shape: Shape, model: Model) -> None:
    """Through JSON too, which knows no tuples: every kind, and the parts of a sum."""
    location = SumLocation((ZeroLocation(), DriftLocation(66), model.pipeline.location), (0.25, 0.5, 0.25))
    pipeline = Pipeline(scale, shape, location, 0.5, model.pipeline.adaptation)
    assert Pipeline.from_dict(json.loads(json.dumps(pipeline.as_dict())), {}) == pipeline


def test_a_shape_that_isnt_pooled_or_history_is_refused() -> None:
    """A file from a newer program is told apart from a broken one."""
    parts = Pipeline(HistoryScale(), PooledShape((0.0,) * 21)).as_dict()
    parts["shape"]["kind"] = "skewed"
    with pytest.raises(ValueError, match="skewed"):
        Pipeline.from_dict(parts, {})
