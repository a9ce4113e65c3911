"""Figures of forecasts: literals worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from app.training.evaluation import metrics
from app.training.evaluation.metrics import ScoredRows


def scored(days: int = 40, symbols: int = 4, edge: float = 0.0) -> ScoredRows:
    """Rows of random returns with a location that knows a share of them."""
    rng = np.random.default_rng(5)
    n = days * symbols
    realised = 0.01 * rng.standard_normal(n)
    return ScoredRows(
        row=np.arange(n),
        fold=np.zeros(n, dtype=np.intp),
        day=np.repeat(np.arange(days), symbols),
        symbol=np.tile(np.arange(symbols), days),
        realised=realised,
        location=edge * realised,
        sigma=np.full(n, 0.01),
        prob_up=np.full(n, 0.5),
        inside=np.ones((n, 3), dtype=np.bool_),
        width_80=np.full(n, 0.025),
        crps=np.full(n, 0.9),
        crps_base=np.full(n, 1.0),
        pit=rng.uniform(size=n),
    )


def test_an_interval_holds_its_bounds() -> None:
    """Quantiles 0 … 20: the 50 % interval is 5 to 15, the 80 % one 2 to 18, the 95 % one 0 to 20."""
    quantiles = np.tile(np.arange(21.0), (6, 1))
    held = metrics.inside(quantiles, np.array([5.0, 15.0, 18.0, 1.9, 20.0, 20.1]))
    assert held.sum(axis=1).tolist() == [3, 3, 2, 1, 1, 0]
    assert metrics.inside(np.full((1, 21), 0.1), np.array([0.1])).all()


def test_direction_is_the_side_that_the_probability_favours() -> None:
    """Five rows: one stood still, one took no side; of three sides one was right, and two of those closes rose."""
    rows = scored(days=5, symbols=1)
    rows = replace(
        rows,
        realised=np.array([0.0, 0.01, 0.01, 0.01, -0.01]),
        prob_up=np.array([0.9, 0.5, 0.6, 0.4, 0.7]),
        location=np.array([-1.0, -1.0, -1.0, 1.0, 1.0]),
    )
    assert metrics.direction(rows) == (3, 1, 2)
    score = metrics.score(rows)
    assert (score.hit, score.base_rate) == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert score.brier == pytest.approx((0.25 + 0.16 + 0.36 + 0.49) / 4)


def test_score_of_a_random_walk_has_ratios_of_one() -> None:
    """A location of zero predicts the last close: no direction is claimed, and every ratio is one."""
    score = metrics.score(scored())
    assert (score.mae_ratio, score.rmse_ratio, score.r2_oos) == (1.0, 1.0, 0.0)
    assert score.hit is None
    assert score.crps_skill == pytest.approx(0.1)


def test_figures_that_arent_defined_are_none() -> None:
    """A symbol that never moved has no ratio to anything, and the card stays JSON."""
    rows = scored()
    still = ScoredRows(
        **{**vars(rows), "realised": np.zeros(160), "location": np.zeros(160), "crps_base": np.zeros(160)}
    )
    score = metrics.score(still)
    assert (score.mae_ratio, score.rmse_ratio, score.r2_oos, score.crps_skill, score.brier) == (None,) * 5
    assert score.coverage_80 is not None
