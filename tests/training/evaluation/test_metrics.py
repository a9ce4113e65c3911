"""Figures of forecasts: literals worked out by hand, and slow plain twins."""

from dataclasses import replace

import numpy as np
import pytest

from app.registry.components import scores
from app.registry.components.levels import LEVELS
from app.training.evaluation import metrics
from app.training.evaluation.metrics import Judged


def judged(days: int = 40, symbols: int = 4, edge: float = 0.0) -> Judged:
    """Rows of random returns with a location that knows a share of them."""
    rng = np.random.default_rng(5)
    n = days * symbols
    realised = 0.01 * rng.standard_normal(n)
    return Judged(
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


def test_crps_is_twice_the_mean_pinball_loss() -> None:
    """A forecast of 21 zeros for an outcome of 1 loses each level once: twice their mean, which is one."""
    loss = scores.crps(np.zeros((1, 21)), np.array([1.0]))
    assert loss[0] == pytest.approx(2 * sum(LEVELS) / 21) == pytest.approx(1.0)


def test_crps_agrees_with_the_plain_loop() -> None:
    """The vectorised loss is the definition's."""
    rng = np.random.default_rng(1)
    quantiles = np.sort(rng.standard_normal((7, 21)), axis=1)
    realised = rng.standard_normal(7)
    plain = [
        2 * sum(max(p * (y - q), (p - 1) * (y - q)) for p, q in zip(LEVELS, row, strict=True)) / 21
        for row, y in zip(quantiles, realised, strict=True)
    ]
    assert scores.crps(quantiles, realised) == pytest.approx(plain)


def test_pit_reads_the_level_between_quantiles() -> None:
    """An outcome at a quantile has its level, one half way between two the mean of theirs; tails get half of theirs."""
    quantiles = np.tile(np.arange(21.0), (4, 1))
    places = scores.pit(quantiles, np.array([10.0, 9.5, -3.0, 99.0]))
    assert places == pytest.approx([0.5, 0.475, 0.0125, 0.9875])


def test_pit_of_equal_quantiles_is_the_middle_of_their_levels() -> None:
    """All 21 at the outcome: one half; the lowest four at it: between 2.5 and 15 %; beside them it doesn't matter."""
    flat, step = np.zeros(21), np.maximum(np.arange(21.0) - 3.0, 0.0)
    places = scores.pit(np.array([flat, step, step, flat]), np.array([0.0, 0.0, 1.0, 0.1]))
    assert places == pytest.approx([0.5, 0.0875, 0.20, 0.9875])


def test_an_interval_holds_its_bounds() -> None:
    """Quantiles 0 … 20: the 50 % interval is 5 to 15, the 80 % one 2 to 18, the 95 % one 0 to 20."""
    quantiles = np.tile(np.arange(21.0), (6, 1))
    held = metrics.inside(quantiles, np.array([5.0, 15.0, 18.0, 1.9, 20.0, 20.1]))
    assert held.sum(axis=1).tolist() == [3, 3, 2, 1, 1, 0]
    assert metrics.inside(np.full((1, 21), 0.1), np.array([0.1])).all()


def test_direction_is_the_side_that_the_probability_favours() -> None:
    """Five rows: one stood still, one took no side; of three sides one was right, and two of those closes rose."""
    rows = judged(days=5, symbols=1)
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


def test_wilson_interval_of_a_textbook_case() -> None:
    """8 hits of 10: 0.490 to 0.943 (Wilson 1927)."""
    assert scores.wilson(8, 10) == pytest.approx((0.490162, 0.943318), abs=1e-6)


def test_ratio_interval_holds_the_ratio_and_is_reproducible() -> None:
    """The bootstrap is seeded: asked twice, it answers the same."""
    rows = judged(edge=0.1)
    error, base = metrics.absolute_errors(rows)
    first, second = (metrics.ratio_interval(rows.day, error, base) for _ in range(2))
    assert first == second
    assert first[1] < first[0] < first[2]
    assert first[0] == pytest.approx(error.sum() / base.sum())


def test_same_day_rows_are_not_independent() -> None:
    """Each session copied ten times adds no certainty."""
    rng = np.random.default_rng(2)
    day, top = np.arange(60), rng.uniform(1, 2, 60)
    bottom = rng.uniform(1, 2, 60)
    once = metrics.ratio_spread(day, top, bottom)
    copied = metrics.ratio_spread(np.repeat(day, 10), np.repeat(top, 10), np.repeat(bottom, 10))
    assert copied == pytest.approx(once)


def test_score_of_a_random_walk_has_ratios_of_one() -> None:
    """A location of zero predicts the last close: no direction is told, and every ratio is one."""
    score = metrics.score(judged())
    assert (score.mae_ratio, score.rmse_ratio, score.r2_oos) == (1.0, 1.0, 0.0)
    assert score.hit is None
    assert score.crps_skill == pytest.approx(0.1)


def test_figures_that_arent_defined_are_none() -> None:
    """A symbol that never moved has no ratio to anything, and the card stays JSON."""
    rows = judged()
    still = Judged(**{**vars(rows), "realised": np.zeros(160), "location": np.zeros(160), "crps_base": np.zeros(160)})
    score = metrics.score(still)
    assert (score.mae_ratio, score.rmse_ratio, score.r2_oos, score.crps_skill, score.brier) == (None,) * 5
    assert score.coverage_80 is not None
