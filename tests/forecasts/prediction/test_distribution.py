"""Between and beyond the quantiles: chances, closes and the mean move agree with distributions whose form is known."""

from math import pi, sqrt
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.forecasts.prediction.distribution import chance_above, chance_beyond, close_at, expected_move
from app.registry.components.levels import LEVELS

NORMAL = NormalDist(100.0, 2.0)
QUANTILES = [NORMAL.inv_cdf(level) for level in LEVELS]
closes = st.lists(st.floats(1.0, 1000.0), min_size=len(LEVELS), max_size=len(LEVELS)).map(sorted)


@pytest.mark.parametrize("mean", [0.0, 0.004, -0.03])
def test_the_expected_move_of_a_normal_distribution(mean: float) -> None:
    """Within a percent of sigma sqrt(2/pi) exp(-m²/2s²) + m (1 - 2 Phi(-m/s)), the folded normal's mean."""
    sigma, normal = 0.01, NormalDist()
    quantiles = [100 * (1 + mean + sigma * normal.inv_cdf(level)) for level in LEVELS]
    folded = sigma * sqrt(2 / pi) * 2.718281828 ** (-(mean**2) / (2 * sigma**2)) + mean * (
        1 - 2 * normal.cdf(-mean / sigma)
    )
    assert expected_move(quantiles, 100.0) == pytest.approx(folded, rel=0.01)


def test_the_expected_move_between_two_levels_is_exact() -> None:
    """A close that is certain moves by its own distance; a uniform one by half of its reach."""
    assert expected_move([103.0] * len(LEVELS), 100.0) == pytest.approx(0.03)
    uniform = [100 * (0.9 + 0.2 * level) for level in LEVELS]
    assert expected_move(uniform, 100.0) == pytest.approx(0.05, rel=0.02)


@pytest.mark.parametrize("close", [93.0, 95.0, 96.5, 98.0, 100.0, 101.3, 104.0, 106.0])
def test_the_chance_above_is_that_of_a_normal_distribution(close: float) -> None:
    """Within a third of a percentage point between the quantiles, and in the tails too."""
    assert chance_above(QUANTILES, close) == pytest.approx(1 - NORMAL.cdf(close), abs=0.0035)


@pytest.mark.parametrize("move", [0.01, 0.02, 0.05])
def test_the_chance_of_a_move_counts_both_sides(move: float) -> None:
    """More than 2 % up or down of a symmetric distribution is twice its upper tail."""
    both = 2 * (1 - NORMAL.cdf(100.0 * (1 + move)))
    assert chance_beyond(QUANTILES, 100.0, move) == pytest.approx(both, abs=0.007)


@given(closes, st.floats(0.5, 2000.0), st.floats(0.5, 2000.0))
def test_a_higher_price_is_never_likelier(quantiles: list[float], one: float, other: float) -> None:
    """A probability, falling in the price, whatever the quantiles, equal ones included."""
    low, high = sorted((one, other))
    above, further = chance_above(quantiles, low), chance_above(quantiles, high)
    assert 1.0 >= above >= further - 1e-12 >= -1e-12


@given(closes, st.integers(1, len(LEVELS) - 2))
def test_a_level_and_its_close_agree(quantiles: list[float], place: int) -> None:
    """The close at a stored level is the quantile, above which lies the rest; equal quantiles count from the last."""
    assert close_at(quantiles, LEVELS[place]) == pytest.approx(quantiles[place])
    assert chance_above(quantiles, quantiles[place]) <= 1 - LEVELS[place] + 1e-12


def test_a_certain_close_is_certain() -> None:
    """All quantiles equal: nothing lies above, everything below."""
    assert chance_above([103.0] * len(LEVELS), 103.0) == 0.0
    assert chance_above([103.0] * len(LEVELS), 102.99) == 1.0
