"""The trees of a walk as units that need nothing of each other: each is grown from rows that all of them share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.registry.components.panel import Array
from app.registry.components.trees import Trees
from app.training.fitting import search
from app.training.fitting.levels import OwnLevels
from app.training.fitting.location import FittedLocation
from app.training.fitting.scale_trees import fit_correction
from app.training.workers.pool import Shared


@dataclass(frozen=True, eq=False)
class Examples(Shared):
    """What trees learn from, row by row of `Dataset.forward`: features with the symbol's own level last, and targets.

    `moved` is what a location forecasts, `missed` what a correction adds to the log-linear scale.
    """

    moved_by: NDArray[np.float32]
    moved: Array
    missed_by: NDArray[np.float32]
    missed: Array


def grow_location(
    examples: Examples, kind: str, known: slice, held: search.Split | None, own: OwnLevels
) -> FittedLocation:
    """Return a location's trees, grown from the rows known; `held` is what the search for their number holds out."""
    return search.fit(kind, examples.moved_by[known], examples.moved[known], held, own)


def grow_correction(examples: Examples, kind: str, known: slice) -> Trees:
    """Return a correction's trees, grown from the rows known."""
    return fit_correction(kind, examples.missed_by[known], examples.missed[known])
