"""How well forecasts order the symbols of a session: information coefficients, session by session."""

from __future__ import annotations

from math import nan

import numpy as np
from numpy.typing import NDArray

from app.registry.components.panel import Array, Index

FEWEST_TO_RANK = 5
"""A session with fewer symbols than this orders nothing."""


def correlations(day: Index, forecast: Array, outcome: Array) -> Array:
    """Return Pearson's correlation of each session (IC); those too small, or flat on either side, are left out."""
    _, number, counts = np.unique(day, return_inverse=True, return_counts=True)
    x, y = (values - (np.bincount(number, weights=values) / counts)[number] for values in (forecast, outcome))
    ranked = (counts >= FEWEST_TO_RANK) & _spread(number, forecast) & _spread(number, outcome)
    together, of_x, of_y = (np.bincount(number, weights=values)[ranked] for values in (x * y, x * x, y * y))
    found: Array = together / np.sqrt(of_x * of_y)
    return found


def rank_correlations(day: Index, forecast: Array, outcome: Array) -> Array:
    """Return Spearman's correlation of each session (RankIC): Pearson's of the ranks, ties at their mean rank."""
    return correlations(day, ranks(day, forecast), ranks(day, outcome))


def ranks(day: Index, values: Array) -> Array:
    """Return each value's place among all, ordered by session first; equal values of a session share their mean."""
    order = np.lexsort((values, day))
    sorted_days, ordered = day[order], values[order]
    first = np.flatnonzero(np.r_[True, (sorted_days[1:] != sorted_days[:-1]) | (ordered[1:] != ordered[:-1])])
    sizes = np.diff(np.r_[first, len(values)])
    placed = np.empty(len(values))
    placed[order] = np.repeat(first + (sizes - 1) / 2, sizes)
    return placed


def summary(found: Array) -> tuple[float, float]:
    """Return the mean over sessions, and it by their standard deviation (ICIR, of one session); NaN if undefined."""
    average = float(found.mean()) if len(found) else nan
    spread = float(found.std(ddof=1)) if len(found) > 1 else 0.0
    return average, average / spread if spread > 1e-12 else nan  # noqa: PLR2004 - rounding of a constant


def _spread(number: Index, values: Array) -> NDArray[np.bool_]:
    """Return, session by session, whether values differ."""
    low, high = (np.full(int(number.max()) + 1, bound) for bound in (np.inf, -np.inf))
    np.minimum.at(low, number, values)
    np.maximum.at(high, number, values)
    return high > low
