"""How forecasts are judged: CRPS, coverage, ratios to the random walk, and intervals that resample whole sessions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from app.registry.card import Score
from app.registry.levels import INTERVALS, LEVELS
from app.registry.panel import Array, Index

BLOCK = 10
"""Sessions a bootstrap block: long enough to keep a volatility cluster together."""
DRAWS = 1000
SEED = 20_260_101
_LEVELS = np.array(LEVELS)


@dataclass(frozen=True, eq=False)
class Judged:
    """One model's forecasts beside what came; arrays over the same rows, `crps_base` is the random walk's."""

    day: Index
    symbol: Index
    realised: Array
    location: Array
    sigma: Array
    width_80: Array
    crps: Array
    crps_base: Array
    pit: Array

    def __len__(self) -> int:
        return len(self.day)

    def part(self, keep: NDArray[np.bool_]) -> Judged:
        """Return the rows that are kept."""
        return Judged(**{name: values[keep] for name, values in vars(self).items()})


def crps(quantiles: Array, realised: Array) -> Array:
    """Return the CRPS of each row: twice the mean pinball loss over the 21 levels, in units of the return."""
    miss = realised[:, None] - quantiles
    loss: Array = np.maximum(_LEVELS * miss, (_LEVELS - 1.0) * miss).mean(axis=1) * 2.0
    return loss


def pit(quantiles: Array, realised: Array) -> Array:
    """Return each outcome's place in its forecast distribution, in [0, 1].

    Linear between the quantiles; beyond the outer ones half of the tail's probability, as 21 quantiles know no more.
    """
    out = np.full(len(realised), LEVELS[0] / 2)
    for place in range(len(LEVELS) - 1):
        low, high = quantiles[:, place], quantiles[:, place + 1]
        part = np.divide(realised - low, high - low, out=np.zeros(len(low)), where=high > low)
        inside = (realised >= low) & (realised <= high)
        out = np.where(inside, LEVELS[place] + part * (LEVELS[place + 1] - LEVELS[place]), out)
    return np.where(realised > quantiles[:, -1], (1.0 + LEVELS[-1]) / 2, out)


def coverage(places: Array, level: float) -> float:
    """Return the share of outcomes inside the central interval, from their places."""
    low, high = (LEVELS[bound] for bound in INTERVALS[level])
    return float(np.mean((places >= low) & (places <= high)))


def wilson(hits: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson (1927) interval of a share."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share, spread = hits / n, z * z / n
    centre, half = share + spread / 2, z * sqrt(share * (1 - share) / n + spread / (4 * n))
    return (centre - half) / (1 + spread), (centre + half) / (1 + spread)


def ratio_spread(day: Index, top: Array, bottom: Array) -> float:
    """Return the standard error of log(sum top / sum bottom), by a moving-block bootstrap over sessions."""
    draws = _resampled(day, lambda pick: np.log(pick(top) / pick(bottom)))
    return float(np.std(draws, ddof=1))


def ratio_interval(day: Index, top: Array, bottom: Array, confidence: float = 0.95) -> tuple[float, float, float]:
    """Return sum top / sum bottom and its interval, normal in logs with a block-bootstrap standard error."""
    ratio = float(top.sum() / bottom.sum())
    reach = NormalDist().inv_cdf(0.5 + confidence / 2) * ratio_spread(day, top, bottom)
    return ratio, ratio * float(np.exp(-reach)), ratio * float(np.exp(reach))


def _resampled(day: Index, figure: Callable[[Callable[[Array], Array]], Array]) -> Array:
    """Draw blocks of sessions (circular, Politis & Romano 1992) and return the figure of each draw."""
    _, number = np.unique(day, return_inverse=True)
    sessions = int(number.max()) + 1
    block = min(BLOCK, sessions)
    starts = np.random.default_rng(SEED).integers(0, sessions, size=(DRAWS, -(-sessions // block)))

    def pick(values: Array) -> Array:
        by_session = np.bincount(number, weights=values, minlength=sessions)
        summed = np.concatenate([[0.0], np.cumsum(np.concatenate([by_session, by_session[:block]]))])
        blocks: Array = (summed[block:] - summed[:-block])[:sessions]
        drawn: Array = blocks[starts].sum(axis=1)
        return drawn

    return figure(pick)


def absolute_errors(rows: Judged) -> tuple[Array, Array]:
    """Return |predicted - realised close| over the last close, of the forecast and of the random walk."""
    realised = np.expm1(rows.realised)
    return np.abs(realised - np.expm1(rows.location)), np.abs(realised)


def rank_ic(rows: Judged) -> float | None:
    """Return the mean over sessions of Spearman's correlation between forecast and outcome; None where flat."""
    order = np.lexsort((rows.symbol, rows.day))
    day, forecast, outcome = rows.day[order], rows.location[order], rows.realised[order]
    bounds = np.flatnonzero(np.r_[True, day[1:] != day[:-1], True])
    found = []
    for begin, end in pairwise(bounds.tolist()):
        x, y = forecast[begin:end], outcome[begin:end]
        if end - begin >= _FEWEST_TO_RANK and np.ptp(x) > 0 and np.ptp(y) > 0:
            found.append(np.corrcoef(_ranks(x), _ranks(y))[0, 1])
    return float(np.mean(found)) if found else None


_FEWEST_TO_RANK = 5


def _ranks(values: Array) -> Array:
    return np.argsort(np.argsort(values, kind="stable"), kind="stable").astype(np.float64)


def score(rows: Judged, *, brief: bool = False) -> Score:
    """Return every figure of a set of rows; `brief` leaves out the intervals and the ranking."""
    n, sessions = len(rows), len(np.unique(rows.day))
    if not n:
        return Score(n=0, sessions=0)
    error, base = absolute_errors(rows)
    moved = rows.realised != 0.0
    rising, up = rows.location > 0.0, rows.realised > 0.0
    told = moved & (rows.location != 0.0)
    hits = int(np.sum((rising == up) & told))
    figures: dict[str, float | None] = {
        "mae_ratio": _ratio(error, base),
        "rmse_ratio": None if (squares := _ratio(error**2, base**2)) is None else sqrt(squares),
        "r2_oos": None
        if (left := _ratio((rows.realised - rows.location) ** 2, rows.realised**2)) is None
        else 1.0 - left,
        "hit": hits / int(told.sum()) if told.any() else None,
        "base_rate": float(np.mean(up[moved])) if moved.any() else None,
        "crps": float(rows.crps.mean()),
        "crps_skill": None if (loss := _ratio(rows.crps, rows.crps_base)) is None else 1.0 - loss,
        "coverage_50": coverage(rows.pit, 0.5),
        "coverage_80": coverage(rows.pit, 0.8),
        "coverage_95": coverage(rows.pit, 0.95),
        "width_80": float(rows.width_80.mean()),
    }
    if not brief and base.any() and rows.crps_base.any():
        figures |= _with_intervals(rows, error, base, hits, int(told.sum()))
    return Score(n=n, sessions=sessions, **figures)


def _ratio(top: Array, bottom: Array) -> float | None:
    """Return sum over sum; None where nothing moved."""
    below = float(bottom.sum())
    return float(top.sum()) / below if below > 0.0 else None


def _with_intervals(rows: Judged, error: Array, base: Array, hits: int, told: int) -> dict[str, float | None]:
    _, mae_low, mae_high = ratio_interval(rows.day, error, base)
    _, crps_low, crps_high = ratio_interval(rows.day, rows.crps, rows.crps_base)
    hit_low, hit_high = wilson(hits, told) if told else (None, None)
    return {
        "mae_ratio_low": mae_low,
        "mae_ratio_high": mae_high,
        "crps_skill_low": 1.0 - crps_high,
        "crps_skill_high": 1.0 - crps_low,
        "hit_low": hit_low,
        "hit_high": hit_high,
        "rank_ic": rank_ic(rows),
    }
