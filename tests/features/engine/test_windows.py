"""Windows hold what a slow loop over the same bars finds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.features.engine.windows import Matrix, Sums, highest, lag, lowest, memory, smoothed, weighted

VALUES = np.random.default_rng(5).normal(size=(3, 300))


def looped(x: Matrix, window: int, function: object) -> Matrix:
    """Apply a function to each window of each row, to what there is of it at the start."""
    assert callable(function)
    return np.array([[function(row[max(0, at + 1 - window) : at + 1]) for at in range(len(row))] for row in x])


@pytest.mark.parametrize("window", [1, 2, 3, 5, 22, 66, 250, 255, 256, 299, 300, 400])
def test_sums_and_extremes(window: int) -> None:
    """Any window, a power of two or not, longer than the history or not."""
    np.testing.assert_allclose(Sums(VALUES).over(window), looped(VALUES, window, np.sum), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(highest(VALUES, window), looped(VALUES, window, np.max))
    np.testing.assert_array_equal(lowest(VALUES, window), looped(VALUES, window, np.min))


@given(window=st.integers(1, 120), decay=st.floats(0.1, 0.99))
def test_weighted_sums(window: int, decay: float) -> None:
    """Weights fall by the decay and end with the window."""
    weights = decay ** np.arange(window)
    expected = looped(VALUES[:1, :150], window, lambda part: float(part[::-1] @ weights[: len(part)]))
    np.testing.assert_allclose(weighted(VALUES[:1, :150], decay, window), expected, rtol=0, atol=1e-11)


def test_a_smoothing_is_a_mean_from_the_first_bar_on() -> None:
    """Constant values stay what they are; with a start, bars before it don't count."""
    constant = np.full((1, 50), 7.0)
    np.testing.assert_allclose(smoothed(constant, 0.9), constant, rtol=1e-14)
    late = constant.copy()
    late[:, 0] = 0.0
    np.testing.assert_allclose(smoothed(late, 0.9, start=1)[:, 1:], constant[:, 1:], rtol=1e-14)


@given(start=st.integers(0, 200), window=st.integers(1, 90))
def test_a_window_doesn_t_know_where_the_history_began(start: int, window: int) -> None:
    """Dropping the bars before a window leaves its sum, mean and weighted sum as they are, to the bit."""
    cut = VALUES[:, start:]
    for function in (
        lambda x, w: Sums(x).over(w),
        highest,
        lambda x, w: weighted(x, 0.93, w),
        lambda x, w: Sums(x).mean(w),
    ):
        np.testing.assert_array_equal(function(VALUES, window)[:, start + window :], function(cut, window)[:, window:])


def test_a_mean_counts_what_there_is() -> None:
    """Three bars of a window of ten have a mean of three; with a start at 1 the first one doesn't count."""
    x = np.array([[9.0, 1.0, 2.0, 3.0]])
    np.testing.assert_array_equal(Sums(x).mean(10), [[9.0, 5.0, 4.0, 3.75]])
    np.testing.assert_array_equal(Sums(np.array([[0.0, 1.0, 2.0, 3.0]])).mean(10, start=1), [[0.0, 1.0, 1.5, 2.0]])


def test_lags_look_back_and_never_ahead() -> None:
    """Before the first bar stands what was asked for, even when the lag is longer than the history."""
    x = np.array([[1.0, 2.0, 3.0]])
    np.testing.assert_array_equal(lag(x, 1, 0.0), [[0.0, 1.0, 2.0]])
    np.testing.assert_array_equal(lag(x, 5, -1.0), [[-1.0, -1.0, -1.0]])


def test_memory_is_how_long_a_weight_matters() -> None:
    """Wilder's 14 bars need 384 for a weight below 1e-12, 320 for 1e-10."""
    assert (memory(13 / 14), memory(13 / 14, 1e-10)) == (384, 320)
