"""Figures of forecasts: literals worked out by hand, and slow plain twins."""

import numpy as np
import pytest

from app.registry.levels import LEVELS
from app.training import metrics
from app.training.metrics import Judged


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
        width_80=np.full(n, 0.025),
        crps=np.full(n, 0.9),
        crps_base=np.full(n, 1.0),
        pit=rng.uniform(size=n),
    )


def test_crps_is_twice_the_mean_pinball_loss() -> None:
    """A forecast of 21 zeros for an outcome of 1 loses each level once: twice their mean, which is one."""
    loss = metrics.crps(np.zeros((1, 21)), np.array([1.0]))
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
    assert metrics.crps(quantiles, realised) == pytest.approx(plain)


def test_pit_reads_the_level_between_quantiles() -> None:
    """An outcome at a quantile has its level, one half way between two the mean of theirs; tails get half of theirs."""
    quantiles = np.tile(np.arange(21.0), (4, 1))
    places = metrics.pit(quantiles, np.array([10.0, 9.5, -3.0, 99.0]))
    assert places == pytest.approx([0.5, 0.475, 0.0125, 0.9875])


def test_coverage_counts_the_central_interval() -> None:
    """The 80 % interval runs from the 10 % to the 90 % quantile, both included."""
    assert metrics.coverage(np.array([0.05, 0.10, 0.5, 0.90, 0.95]), 0.8) == pytest.approx(0.6)


def test_wilson_interval_of_a_textbook_case() -> None:
    """8 hits of 10: 0.490 to 0.943 (Wilson 1927)."""
    assert metrics.wilson(8, 10) == pytest.approx((0.490162, 0.943318), abs=1e-6)


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


def test_rank_ic_of_a_perfect_order_is_one() -> None:
    """A location that orders each session's symbols as they came has a rank correlation of one."""
    assert metrics.rank_ic(judged(symbols=6, edge=0.5)) == pytest.approx(1.0)


def test_figures_that_arent_defined_are_none() -> None:
    """A symbol that never moved has no ratio to anything, and the card stays JSON."""
    rows = judged()
    still = Judged(**{**vars(rows), "realised": np.zeros(160), "location": np.zeros(160), "crps_base": np.zeros(160)})
    score = metrics.score(still)
    assert (score.mae_ratio, score.rmse_ratio, score.r2_oos, score.crps_skill, score.base_rate) == (None,) * 5
    assert score.coverage_80 is not None
