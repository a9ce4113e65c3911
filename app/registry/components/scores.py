"""Figures that training and the ledger judge forecasts by: one formula for both, so that they can be compared."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

import numpy as np

from app.registry.components.levels import LEVELS
from app.registry.components.panel import Array

_LEVELS = np.array(LEVELS)


def crps(quantiles: Array, realised: Array) -> Array:
    """Return the CRPS of each row: twice the mean pinball loss over the 21 levels, in the unit of the outcome.

    `quantiles` is (rows, 21), `realised` (rows,). Source: Gneiting & Raftery 2007.
    """
    miss = realised[:, None] - quantiles
    loss: Array = np.maximum(_LEVELS * miss, (_LEVELS - 1.0) * miss).mean(axis=1) * 2.0
    return loss


def pit(quantiles: Array, realised: Array) -> Array:
    """Return each outcome's place in its forecast distribution, in (0, 1).

    Linear between the quantiles; where several are equal to the outcome, the middle of their levels, so that a
    calibrated forecast has a mean of one half; beyond the outer ones half of the tail's probability, as 21 quantiles
    know no more.
    """
    outcome = realised[:, None]
    below, reached = (quantiles < outcome).sum(axis=1), (quantiles <= outcome).sum(axis=1)
    row, last = np.arange(len(realised)), len(LEVELS) - 1
    left, right = np.clip(below - 1, 0, last), np.clip(below, 0, last)
    low, high = quantiles[row, left], quantiles[row, right]
    part = np.divide(realised - low, high - low, out=np.zeros(len(low)), where=high > low)
    places = _LEVELS[left] + part * (_LEVELS[right] - _LEVELS[left])
    places = np.where(reached > below, (_LEVELS[right] + _LEVELS[np.clip(reached - 1, 0, last)]) / 2, places)
    places = np.where(reached == 0, LEVELS[0] / 2, places)
    return np.where(below > last, (1.0 + LEVELS[-1]) / 2, places)


def wilson(hits: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the interval of a share of independent trials (Wilson 1927); (0, 1) when there were none."""
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share, spread = hits / n, z * z / n
    centre, half = share + spread / 2, z * sqrt(share * (1 - share) / n + spread / (4 * n))
    return max(0.0, (centre - half) / (1 + spread)), min(1.0, (centre + half) / (1 + spread))
