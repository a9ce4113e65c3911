"""Scores, against numbers worked out by hand or known from elsewhere."""

from typing import Any

import numpy as np
import pytest

from app.registry.components.levels import LEVELS
from app.registry.components.scores import crps, pit, ratio_error, ratio_interval, wilson


def row(*values: float) -> Any:
    """Return one row of quantiles."""
    return np.array([values])


def test_crps_of_a_point_forecast_is_its_distance() -> None:
    """All quantiles at one point: mean over levels of 2 * pinball, whose levels average 1/2, is the distance."""
    quantiles = np.full((2, 21), 100.0)
    assert crps(quantiles, np.array([103.0, 98.0])) == pytest.approx([3.0, 2.0], abs=1e-12)


def test_crps_of_a_known_case() -> None:
    """Quantiles 0, 1, …, 20 and the outcome 10: 34/21, by hand.

    Each of the pairs at distance 10, 9, …, 1 adds twice its distance times the outer level: 2 (10 x 0.025 + 9 x 0.05 +
    8 x 0.10 + 7 x 0.15 + … + 1 x 0.45) = 17, and the middle nothing; the mean over 21 levels, times 2, is 34/21.
    """
    assert crps(row(*range(21)), np.array([10.0]))[0] == pytest.approx(34 / 21, rel=1e-12)


def test_crps_agrees_with_the_plain_loop() -> None:
    """The vectorised loss is the definition's."""
    draws = np.random.default_rng(1)
    quantiles, realised = np.sort(draws.standard_normal((7, 21)), axis=1), draws.standard_normal(7)
    plain = [
        2 * sum(max(p * (y - q), (p - 1) * (y - q)) for p, q in zip(LEVELS, quantiles_, strict=True)) / 21
        for quantiles_, y in zip(quantiles, realised, strict=True)
    ]
    assert crps(quantiles, realised) == pytest.approx(plain)


def test_pit_is_linear_between_levels_and_the_tails_middle_outside() -> None:
    """At a quantile its level; halfway between two, halfway; outside the middle of what is left."""
    quantiles = np.tile(np.arange(21.0), (5, 1))
    places = pit(quantiles, np.array([10.0, 10.5, 0.0, -3.0, 33.0]))
    assert places == pytest.approx([0.5, 0.525, 0.025, 0.0125, 0.9875], abs=1e-12)


def test_pit_of_equal_quantiles_is_the_middle_of_their_levels() -> None:
    """A symbol that stood still has 21 quantiles at one close: one half there, outside as ever."""
    assert pit(np.full((3, 21), 5.0), np.array([5.0, 4.9, 5.1])) == pytest.approx([0.5, 0.0125, 0.9875])


def test_wilson_gives_the_textbook_interval() -> None:
    """55 of 100: 0.4524 to 0.6439; nothing of nothing: anything."""
    assert wilson(55, 100) == pytest.approx((0.452446, 0.643855), abs=1e-6)
    assert wilson(0, 10) == pytest.approx((0.0, 0.277533), abs=1e-6)
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_bootstrap_knows_a_sure_thing() -> None:
    """A constant ratio has no spread; the same input gives the same bounds; sums that may be zero have none."""
    below, session = np.linspace(1.0, 2.0, 60), np.arange(60)
    assert ratio_interval(session, 0.9 * below, below) == pytest.approx((0.9, 0.9, 0.9))
    noisy = below * np.random.default_rng(3).uniform(0.8, 1.1, 60)
    assert ratio_interval(session, noisy, below) == ratio_interval(session, noisy, below)
    assert np.isnan(ratio_interval(session, noisy, np.eye(60)[0])[1])


def test_the_bootstrap_covers_the_true_ratio_about_as_often_as_it_says() -> None:
    """Of 200 samples of 500 sessions, the 95 % interval holds the true ratio in 180 to 199."""
    draws = np.random.default_rng(4)
    inside = 0
    for _ in range(200):
        below = draws.gamma(4.0, 1.0, 500)
        _, low, high = ratio_interval(np.arange(500), below * draws.normal(0.97, 0.1, 500), below)
        inside += low <= 0.97 <= high
    assert 180 <= inside <= 199


def test_same_day_rows_are_not_independent() -> None:
    """Each session copied ten times adds no certainty."""
    draws = np.random.default_rng(2)
    session, top, bottom = np.arange(60), draws.uniform(1, 2, 60), draws.uniform(1, 2, 60)
    copied = ratio_error(np.repeat(session, 10), np.repeat(top, 10), np.repeat(bottom, 10))
    assert copied == pytest.approx(ratio_error(session, top, bottom))


def slow_pit(quantiles: Any, realised: Any) -> list[float]:
    """Return what `pit` does, a row at a time."""
    places = []
    for row_, one in zip(quantiles, realised, strict=True):
        below, reached = np.searchsorted(row_, one, "left"), np.searchsorted(row_, one, "right")
        tied = (LEVELS[below] + LEVELS[reached - 1]) / 2 if reached > below else None
        places.append(np.interp(one, row_, LEVELS, left=0.0125, right=0.9875) if tied is None else tied)
    return places


def test_places_are_those_of_a_slow_twin() -> None:
    """Row by row, with and without ties, inside and at the ends."""
    draws = np.random.default_rng(5)
    quantiles = np.sort(draws.normal(0.0, 0.02, (300, 21)), axis=1)
    realised = draws.normal(0.0, 0.02, 300)
    assert pit(quantiles, realised) == pytest.approx(slow_pit(quantiles, realised), rel=1e-12)
    flat = np.round(quantiles, 2)
    for outcome in (np.round(realised, 2), flat[:, 0], flat[:, 7], flat[:, 20]):
        assert pit(flat, outcome) == pytest.approx(slow_pit(flat, outcome), rel=1e-12)
