"""Drift: a month that moved further than months do, weighted by what the champion reads."""

from datetime import date

import polars as pl
import pytest

from app.monitoring.drift import MONTH, drift, importances
from tests.forecasts import small

EXCHANGES = dict.fromkeys(small.SYMBOLS, "XNYS")


def wilder(sessions: int, factor: float) -> pl.DataFrame:
    """Return the small market with the returns of its last sessions multiplied."""
    bars = small.bars()
    at = bars["session"].unique().sort()[-sessions]
    step = pl.col("close").log().diff().fill_null(0.0).over("symbol")
    grown = pl.when(pl.col("session") >= at).then(step * (factor - 1.0)).otherwise(0.0)
    moved = bars.sort("symbol", "session").with_columns(by=grown.cum_sum().over("symbol").exp())
    return moved.with_columns(pl.col("open", "high", "low", "close", "adj_close") * pl.col("by")).drop("by")


def test_importance_is_what_the_champion_makes_of_a_feature() -> None:
    """Four scale regressors of equal weight; the location counts half, as far as it is trusted."""
    shares = importances(small.model())
    assert sum(shares.values()) == pytest.approx(1.0)
    assert shares["ret_5"] == pytest.approx(1 / 3)
    assert len(shares) == 5


def test_a_month_unlike_all_others_has_moved() -> None:
    """Returns three times as wild for a month: the scale's features have moved, and the first of them say so."""
    weights = {name: share for name, share in importances(small.model()).items() if name != "ret_5"}
    calm, wild = drift(small.bars(), EXCHANGES, weights), drift(wilder(MONTH, 3.0), EXCHANGES, weights)
    assert calm is not None
    assert wild is not None
    assert not calm.has_moved
    assert wild.has_moved
    assert wild.features[0].psi > wild.features[0].usual
    assert wild.features[0].shift > 0.5


def test_the_figures_are_scale_free() -> None:
    """Seven times the price is the same drift to the last digits."""
    weights = importances(small.model())
    plain = drift(small.bars(), EXCHANGES, weights)
    prices = pl.col("open", "high", "low", "close", "adj_close")
    times = drift(small.bars().with_columns(prices * 7.0), EXCHANGES, weights)
    assert plain is not None
    assert times is not None
    assert times.psi == pytest.approx(plain.psi, rel=1e-6)


@pytest.mark.parametrize("first", [date(2021, 1, 4), date(2030, 1, 1)])
def test_too_few_sessions_have_no_drift(first: date) -> None:
    """None says that it isn't known: a year of bars, and none at all."""
    bars = small.bars().filter(pl.col("session") >= first)
    assert drift(bars, EXCHANGES, importances(small.model())) is None
