"""Fits trees to what a log-linear scale missed: a forest by scikit-learn, boosted ones by XGBoost.

The target is the Newton step that a row's out-of-fold squared return asks of log sigma, less its session's mean: trees
say which symbols move more or less than the linear scale has it, and nothing of the market. A candidate takes half of
what they say, which is worth 0.01 to 0.03 points of skill out of sample; the whole is worth less.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.registry.components.panel import Array, Index
from app.registry.components.trees import Trees
from app.training.fitting.forest import fit_forest
from app.training.fitting.location import boosted, less_mean
from app.training.fitting.scale import score_of

WEIGHT = 0.5
"""The share of a correction that is taken."""
ROUNDS = 60
_LOWEST, _HIGHEST = -2.0, 4.0


def correction_target(squares: Array, session: Index) -> Array:
    """Return the Newton steps of rows, less each session's mean, cut at -2 and 4; `squares` are out-of-fold."""
    return np.clip(less_mean(score_of(squares), session), _LOWEST, _HIGHEST)


def fit_correction(kind: str, rows: NDArray[np.float32], target: Array) -> Trees:
    """Return the trees of one kind, `random_forest` or `xgboost`, under the name of the file that keeps them."""
    if kind == "random_forest":
        return fit_forest("scale_random_forest", rows, target)
    booster = boosted(rows, target, ROUNDS)
    return Trees.read("scale_xgboost", bytes(booster.save_raw("json")))
