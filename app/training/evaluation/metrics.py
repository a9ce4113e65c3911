"""How forecasts are judged: CRPS, coverage, direction, and ratios to the random walk with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
from numpy.typing import NDArray

from app.registry.components.levels import INTERVALS
from app.registry.components.panel import Array, Index, count_distinct
from app.registry.components.scores import ratio_interval, wilson
from app.registry.versions.card import Score
from app.training.evaluation import interval_tests, ranking


@dataclass(frozen=True, eq=False)
class ScoredRows:
    """One model's forecasts beside what came; arrays over the same rows of the dataset, `row` says which.

    `crps_base` is the random walk's; `inside` has a column for each of `INTERVALS`, in order.
    """

    row: Index
    fold: Index
    day: Index
    symbol: Index
    realised: Array
    location: Array
    sigma: Array
    prob_up: Array
    inside: NDArray[np.bool_]
    width_80: Array
    crps: Array
    crps_base: Array
    pit: Array

    def __len__(self) -> int:
        return len(self.day)

    def part(self, keep: NDArray[np.bool_]) -> ScoredRows:
        """Return the rows that are kept."""
        return ScoredRows(**{name: values[keep] for name, values in vars(self).items()})

    @classmethod
    def joined(cls, parts: Sequence[ScoredRows]) -> ScoredRows:
        """Put rows of several folds one after another."""
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])})


def summed(number: Index, values: Array) -> Array:
    """Return the sum of the values of each number, 0, 1, …, as `np.unique` counts them."""
    return np.asarray(np.bincount(number, weights=values), dtype=np.float64)


def inside(quantiles: Array, realised: Array) -> NDArray[np.bool_]:
    """Return whether each outcome lies in each of `INTERVALS`, its bounds included; one column an interval."""
    bounds = [(quantiles[:, low], quantiles[:, high]) for low, high in INTERVALS.values()]
    return np.column_stack([(realised >= low) & (realised <= high) for low, high in bounds])


def absolute_errors(rows: ScoredRows) -> tuple[Array, Array]:
    """Return |predicted - realised close| over the last close, of the forecast and of the random walk."""
    realised = np.expm1(rows.realised)
    return np.abs(realised - np.expm1(rows.location)), np.abs(realised)


def direction(rows: ScoredRows) -> tuple[int, int, int]:
    """Return how many sides were taken, how many of them were right, and how many closes rose among them.

    The side is the one that the forecast's own probability of a rise favours; neither a probability of one half nor a
    close that stood still counts, as in the track record.
    """
    sided = (rows.realised != 0.0) & (rows.prob_up != 0.5)  # noqa: PLR2004
    up = rows.realised > 0.0
    return int(sided.sum()), int(np.sum(sided & ((rows.prob_up > 0.5) == up))), int(np.sum(sided & up))  # noqa: PLR2004


def brier(rows: ScoredRows) -> float:
    """Return the mean squared error of the probability of a rise, where the close moved; 0.25 knows nothing.

    Source: Brier 1950, for two outcomes. NaN where nothing moved.
    """
    moved = rows.realised != 0.0
    return float(np.mean((rows.prob_up[moved] - (rows.realised[moved] > 0.0)) ** 2)) if moved.any() else nan


def score(rows: ScoredRows, *, brief: bool = False, with_error: bool = False) -> Score:
    """Return every figure of a set of rows; `brief` leaves out intervals, ranking and tests.

    `with_error` adds the interval of the skill all the same.
    """
    n, sessions = len(rows), count_distinct(rows.day)
    if not n:
        return Score(n=0, sessions=0)
    error, base = absolute_errors(rows)
    sides, hits, rises = direction(rows)
    figures: dict[str, float] = {
        "mae_ratio": _ratio(error, base),
        "rmse_ratio": sqrt(_ratio(error**2, base**2)),
        "r2_oos": 1.0 - _ratio((rows.realised - rows.location) ** 2, rows.realised**2),
        "hit": hits / sides if sides else nan,
        "base_rate": rises / sides if sides else nan,
        "brier": brier(rows),
        "crps": float(rows.crps.mean()),
        "crps_skill": 1.0 - _ratio(rows.crps, rows.crps_base),
        **{f"coverage_{100 * level:.0f}": float(held.mean()) for level, held in _by_level(rows)},
        "width_80": float(rows.width_80.mean()),
    }
    if base.any() and rows.crps_base.any():
        figures |= _skill(rows) if with_error or not brief else {}
        figures |= {} if brief else _intervals(rows, error, base) | _ranking(rows) | _tests(rows)
    return Score(n=n, sessions=sessions, **figures)


def _ratio(top: Array, bottom: Array) -> float:
    """Return sum over sum; NaN where nothing moved."""
    below = float(bottom.sum())
    return float(top.sum()) / below if below > 0.0 else nan


def _skill(rows: ScoredRows) -> dict[str, float]:
    _, low, high = ratio_interval(rows.day, rows.crps, rows.crps_base)
    return {"crps_skill_low": 1.0 - high, "crps_skill_high": 1.0 - low}


def _intervals(rows: ScoredRows, error: Array, base: Array) -> dict[str, float]:
    sides, hits, _ = direction(rows)
    _, *mae_ratio = ratio_interval(rows.day, error, base)
    hit = wilson(hits, sides) if sides else (nan, nan)
    bounds = {"mae_ratio": mae_ratio, "hit": hit}
    return {f"{name}_{end}": pair[at] for name, pair in bounds.items() for at, end in enumerate(("low", "high"))}


def _ranking(rows: ScoredRows) -> dict[str, float]:
    ic, icir = ranking.summary(ranking.correlations(rows.day, rows.location, rows.realised))
    rank_ic, rank_icir = ranking.summary(ranking.rank_correlations(rows.day, rows.location, rows.realised))
    return {"ic": ic, "icir": icir, "rank_ic": rank_ic, "rank_icir": rank_icir}


def _tests(rows: ScoredRows) -> dict[str, float]:
    found: dict[str, float] = {}
    for level, held in _by_level(rows):
        often, in_runs = interval_tests.rejected(rows.symbol, rows.day, held, level)
        found |= {f"kupiec_{100 * level:.0f}": often, f"christoffersen_{100 * level:.0f}": in_runs}
    return found


def _by_level(rows: ScoredRows) -> list[tuple[float, NDArray[np.bool_]]]:
    """Return each interval's level with which outcomes it held."""
    return list(zip(INTERVALS, rows.inside.T, strict=True))
