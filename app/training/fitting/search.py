"""The search for penalties and rounds: small fixed grids, tried inside the training window and nowhere else.

The last third of the window's sessions is held out, its labels purged from the rest. Each value of the grid is fitted
on the rest and judged by its squared error on what was held out: the loss that the location is fitted by. The best is
then fitted on the whole window. Of two with the same loss the simpler wins; a window that is too short to be split
takes the usual value. Every value counts as a try when point skill is claimed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.registry.components.location import TreeLocation
from app.registry.components.panel import Array
from app.registry.components.trees import Trees
from app.training.data.candidates import LEARNT_FROM, Candidate
from app.training.data.dataset import Dataset
from app.training.fitting.forest import fit_forest
from app.training.fitting.levels import NO_LEVELS, OwnLevels
from app.training.fitting.location import FittedLocation, boosted, fit_ridge, ridge_weights
from app.training.fitting.scale import Standard

FEWEST = 240
"""Sessions that a window must have to be split."""
HELD = 3
"""One session of so many is held out, the last ones."""


@dataclass(frozen=True)
class Grid:
    """The values of one setting, the simplest model's first; `usual` is taken where nothing can be held out."""

    setting: str
    values: tuple[float, ...]
    usual: float


GRIDS = {
    "ridge": Grid("penalty_per_row", (3.0, 1.0, 0.3, 0.1), usual=0.3),
    "xgboost": Grid("rounds", (30, 60, 120), usual=60),
}
"""By location: ridge's penalty in rows (at 0.3 a standardised coefficient loses about a quarter), boosting's rounds."""


@dataclass(frozen=True)
class Split:
    """The window's rows to fit on, and those to judge by, counted from its first; a purge lies between."""

    fitted: slice
    held: slice


def tried(candidates: Sequence[Candidate]) -> int:
    """Return how many configurations a contest looks at: every value of a grid is one."""
    return sum(len(GRIDS[one.location].values) if one.location in GRIDS else 1 for one in candidates)


def split(dataset: Dataset, window: slice) -> Split | None:
    """Hold out the last sessions of a window of `dataset.forward`, None of a short one."""
    day = dataset.panel.day[dataset.forward[window]]
    sessions = np.unique(day)
    if len(sessions) < FEWEST:
        return None
    first = sessions[-(len(sessions) // HELD)]
    known = int(dataset.known[first]) - window.start
    return Split(slice(0, known), slice(int(np.searchsorted(day, first)), len(day)))


def best_penalty(rows: Array, target: Array, parts: Split | None) -> float:
    """Return ridge's penalty; rows and target are the window's."""
    grid = GRIDS["ridge"]
    if parts is None:
        return grid.usual
    standard = Standard.of(rows[parts.fitted])
    fitted, held = standard.apply(rows[parts.fitted]), standard.apply(rows[parts.held])
    weights = [ridge_weights(fitted, target[parts.fitted], penalty) for penalty in grid.values]
    return _best(grid, target[parts.held], [held @ one for one in weights])


def best_rounds(rows: NDArray[np.float32], target: Array, parts: Split | None) -> int:
    """Return boosting's rounds: one booster is grown to the most, and judged after each of the grid's."""
    import xgboost

    grid = GRIDS["xgboost"]
    if parts is None:
        return int(grid.usual)
    booster = boosted(rows[parts.fitted], target[parts.fitted], int(max(grid.values)))
    held = xgboost.DMatrix(rows[parts.held], nthread=1)
    forecasts = [booster.predict(held, iteration_range=(0, int(rounds))) for rounds in grid.values]
    return int(_best(grid, target[parts.held], forecasts))


def fit(kind: str, rows: NDArray[Any], target: Array, held: Split | None, own: OwnLevels = NO_LEVELS) -> FittedLocation:
    """Return ridge, boosted trees or a forest, with the settings that were searched for; a forest has none.

    Trees read one column more than ridge, the symbol's level; `own` is what they will read of each symbol when served.
    """
    if kind == "ridge":
        penalty = best_penalty(rows, target, held)
        return FittedLocation(fit_ridge(LEARNT_FROM, rows, target, penalty), {GRIDS[kind].setting: penalty})
    if kind == "random_forest":
        return FittedLocation(TreeLocation(LEARNT_FROM, fit_forest(kind, rows, target), *own))
    rows_32 = rows.astype(np.float32, copy=False)
    rounds = best_rounds(rows_32, target, held)
    trees = Trees.read(kind, bytes(boosted(rows_32, target, rounds).save_raw("json")))
    return FittedLocation(TreeLocation(LEARNT_FROM, trees, *own), {GRIDS[kind].setting: rounds})


def _best(grid: Grid, target: Array, forecasts: Sequence[NDArray[np.floating]]) -> float:
    """Return the value whose forecast has the least squared error, the simplest of equals."""
    return grid.values[int(np.argmin([np.mean((target - one) ** 2) for one in forecasts]))]
