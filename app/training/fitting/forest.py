"""Fits a random forest (Breiman 2001) with scikit-learn, and exports it as plain trees.

scikit-learn sorts where XGBoost bins: on 20,000 rows and 40 features 30 trees take it seconds. So rows are drawn
evenly over the window, at most `MOST_ROWS` of them, and trees are few and shallow.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.registry.components.panel import Array
from app.registry.components.trees import Trees, forest_json

MOST_ROWS = 12_000
SETTINGS: dict[str, Any] = {
    "n_estimators": 30,
    "max_depth": 6,
    "min_samples_leaf": 100,
    "max_features": 0.33,
    "max_samples": 0.5,
    "random_state": 7,
    "n_jobs": 1,
}


def fit_forest(name: str, rows: NDArray[np.floating], target: Array) -> Trees:
    """Return a forest's mean forecast as trees; what is missing goes where it went when the forest was grown."""
    from sklearn.ensemble import RandomForestRegressor

    drawn = np.unique(np.linspace(0, len(rows) - 1, MOST_ROWS).astype(np.intp))
    forest = RandomForestRegressor(**SETTINGS).fit(rows[drawn].astype(np.float32), target[drawn])
    return Trees.read(
        name, forest_json(0.0, [_lists(one.tree_, len(forest.estimators_)) for one in forest.estimators_])
    )


def _lists(tree: Any, trees: int) -> dict[str, list[float]]:
    """Return a tree's nodes as XGBoost lists them; a leaf's value is its share of the forest's mean.

    scikit-learn goes left where value <= threshold, in doubles; here it is value < condition, in floats: the condition
    is the float above the largest one that isn't above the threshold. A split between known and missing has an infinite
    threshold: every known value is below the largest float.
    """
    is_leaf = tree.children_left < 0
    below = tree.threshold.astype(np.float32)
    below = np.where(below.astype(np.float64) > tree.threshold, np.nextafter(below, np.float32(-np.inf)), below)
    condition = np.minimum(np.nextafter(below, np.float32(np.inf)), np.finfo(np.float32).max)
    leaf = tree.value.reshape(-1) / trees
    return {
        "left_children": tree.children_left.tolist(),
        "right_children": tree.children_right.tolist(),
        "split_indices": np.where(is_leaf, 0, tree.feature).tolist(),
        "split_conditions": np.where(is_leaf, leaf, condition).tolist(),
        "default_left": np.asarray(tree.missing_go_to_left).astype(int).tolist(),
    }
