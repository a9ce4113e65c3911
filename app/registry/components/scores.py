"""Figures that training and the ledger judge forecasts by: one formula for both, so that they can be compared."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

import numpy as np

from app.registry.components.levels import LEVELS
from app.registry.components.panel import Array, Index

BLOCK = 10
"""Sessions a bootstrap block: two trading weeks keep a volatility cluster together."""
DRAWS = 1000
SEED = 20_260_101
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


def ratio_interval(session: Index, top: Array, bottom: Array, confidence: float = 0.95) -> tuple[float, float, float]:
    """Return sum top / sum bottom and its interval: normal in logs, its error from `ratio_error`.

    The bounds are NaN where a resampled sum isn't positive.
    """
    ratio = float(top.sum() / bottom.sum())
    reach = NormalDist().inv_cdf(0.5 + confidence / 2) * ratio_error(session, top, bottom)
    return ratio, ratio * float(np.exp(-reach)), ratio * float(np.exp(reach))


def ratio_error(session: Index, top: Array, bottom: Array, block: int = BLOCK) -> float:
    """Return the standard error of log(sum top / sum bottom) by a block bootstrap over sessions.

    Rows of one session, and of neighbouring ones, aren't independent: blocks of whole sessions are drawn with
    replacement, round the end (circular: Politis & Romano 1992). `session` may count longer stretches, and `block` then
    fewer of them.
    """
    _, number = np.unique(session, return_inverse=True)
    sessions = int(number.max()) + 1
    block = min(block, sessions)
    starts = np.random.default_rng(SEED).integers(0, sessions, size=(DRAWS, -(-sessions // block)))

    def resampled(values: Array) -> Array:
        by_session = np.bincount(number, weights=values)
        running = np.concatenate([[0.0], np.cumsum(np.concatenate([by_session, by_session[:block]]))])
        blocks = (running[block:] - running[:-block])[:sessions]
        drawn: Array = blocks[starts].sum(axis=1)
        return drawn

    above, below = resampled(top), resampled(bottom)
    if not (np.all(above > 0) and np.all(below > 0)):
        return float("nan")
    return float(np.std(np.log(above / below), ddof=1))
