"""What 21 quantiles say of everything between and beyond them: any level, any close, the mean move.

Between two levels the quantile function is a line. Beyond the outer ones the tails fall off exponentially, at the rate
of the outer step: below the level 0.025 the mean lies (q050 - q025) / ln(0.05 / 0.025) under q025, above as much over
q975.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from math import exp, log

from app.registry.components.levels import LEVELS

_RATE = log(LEVELS[1] / LEVELS[0])


def close_at(quantiles: Sequence[float], level: float) -> float:
    """Return the close at a level within [0.025, 0.975]."""
    right = min(max(bisect_right(LEVELS, level), 1), len(LEVELS) - 1)
    low, high = LEVELS[right - 1], LEVELS[right]
    below, above = quantiles[right - 1], quantiles[right]
    return below + (above - below) * (level - low) / (high - low)


def chance_above(quantiles: Sequence[float], close: float) -> float:
    """Return the probability, in [0, 1], of a close above this one."""
    if close < quantiles[0]:
        return 1 - _tail(quantiles[0] - close, _scale(quantiles[0], quantiles[1]))
    if close >= quantiles[-1]:
        return _tail(close - quantiles[-1], _scale(quantiles[-2], quantiles[-1]))
    right = bisect_right(quantiles, close)
    low, high = quantiles[right - 1], quantiles[right]
    return 1 - (LEVELS[right - 1] + (LEVELS[right] - LEVELS[right - 1]) * (close - low) / (high - low))


def chance_beyond(quantiles: Sequence[float], last_close: float, move: float) -> float:
    """Return the probability of a simple return of more than `move` in either direction, 0.02 for 2 %."""
    return chance_above(quantiles, last_close * (1 + move)) + 1 - chance_above(quantiles, last_close * (1 - move))


def expected_move(quantiles: Sequence[float], last_close: float) -> float:
    """Return the mean of |close / last_close - 1| under the distribution that the quantiles stand for.

    Between two levels the absolute value of a line is integrated exactly; beyond the outer ones the mean lies one
    `_scale` of the tail outside them.
    """
    returns = [close / last_close - 1 for close in quantiles]
    inner = sum(
        (right - left) * _mean_abs(low, high)
        for (left, right), (low, high) in zip(pairwise(LEVELS), pairwise(returns), strict=True)
    )
    below, above = returns[0] - _scale(returns[0], returns[1]), returns[-1] + _scale(returns[-2], returns[-1])
    return inner + LEVELS[0] * abs(below) + (1 - LEVELS[-1]) * abs(above)


def _mean_abs(low: float, high: float) -> float:
    """Return the mean of |x| for x uniform in [low, high]."""
    if low * high >= 0:
        return abs(low + high) / 2
    return (low * low + high * high) / (2 * (high - low))


def _tail(distance: float, scale: float) -> float:
    """Return the probability that lies further out than `distance` from an outer quantile."""
    return LEVELS[0] * exp(-distance / scale) if scale else 0.0


def _scale(low: float, high: float) -> float:
    """Return a tail's mean distance from the outer quantile; `low` and `high` are the outer two of its side."""
    return (high - low) / _RATE
