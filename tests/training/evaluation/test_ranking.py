"""Information coefficients: by hand, and with ties."""

import numpy as np
import pytest

from app.training.evaluation import ranking


def test_equal_values_share_their_mean_rank() -> None:
    """Within their session alone: the 2.0 of another session is no tie."""
    day = np.array([0, 1, 0, 0, 0, 1])
    values = np.array([2.0, 2.0, 7.0, 2.0, 1.0, 0.5])
    assert ranking.ranks(day, values).tolist() == [1.5, 5.0, 3.0, 1.5, 0.0, 4.0]


def test_spearman_with_ties_by_hand() -> None:
    """Forecast ranks 1, 2.5, 2.5, 4, 5 against 1 … 5: 9.5 / sqrt(9.5 x 10)."""
    found = ranking.rank_correlations(np.zeros(5, dtype=np.intp), np.array([0.0, 1, 1, 4, 9]), np.arange(5.0))
    assert found.tolist() == pytest.approx([9.5 / np.sqrt(95.0)])


def test_order_alone_counts_for_ranks_and_distance_for_the_ic() -> None:
    """Squares of 0 … 4 are in order: RankIC 1; Pearson's with 0 … 4 is 40 / sqrt(174 x 10)."""
    day, outcome = np.zeros(5, dtype=np.intp), np.arange(5.0)
    assert ranking.rank_correlations(day, outcome**2, outcome)[0] == pytest.approx(1.0)
    assert ranking.correlations(day, outcome**2, outcome)[0] == pytest.approx(40 / np.sqrt(1740))


def test_a_flat_or_small_session_orders_nothing() -> None:
    """Five equal forecasts, equal outcomes, and four symbols: only the whole session is left."""
    day = np.repeat([0, 1, 2, 3], [5, 5, 4, 5])
    rising = np.concatenate([np.full(5, 0.1), np.arange(5.0), np.arange(4.0), np.arange(5.0)])
    outcome = np.concatenate([np.arange(5.0), np.full(5, 0.1), np.arange(4.0), -np.arange(5.0)])
    assert ranking.rank_correlations(day, rising, outcome).tolist() == pytest.approx([-1.0])


def test_icir_is_mean_over_spread() -> None:
    """0.1 and 0.3: 0.2 over sqrt(0.02); one session, or none, has no spread."""
    assert ranking.summary(np.array([0.1, 0.3])) == pytest.approx((0.2, np.sqrt(2.0)))
    assert ranking.summary(np.array([0.1])) == pytest.approx((0.1, np.nan), nan_ok=True)
    assert ranking.summary(np.array([1.0, 1.0])) == pytest.approx((1.0, np.nan), nan_ok=True)
    assert ranking.summary(np.array([])) == pytest.approx((np.nan, np.nan), nan_ok=True)
