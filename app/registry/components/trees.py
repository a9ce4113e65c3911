"""Trees without the library that grew them: read from JSON, XGBoost's own or the like, walked with numpy.

Importing XGBoost or scikit-learn costs seconds and brings pandas; a forecast needs neither. Folds, backtest and
serving all walk the trees here, so they agree to the bit wherever the forecast is made.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.registry.components.panel import Array

_CHUNK = 1024


@dataclass(frozen=True, eq=False)
class Trees:
    """The trees of one booster or forest, side by side in flat arrays; a leaf points at itself."""

    name: str
    source: bytes = field(repr=False)
    """What is stored: XGBoost's own JSON, as `Booster.save_raw("json")` gave it, or a forest's (`forest_json`)."""
    base: float
    depth: int
    roots: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    missing_left: NDArray[np.bool_]
    leaf: Array

    @classmethod
    def read(cls, name: str, source: bytes) -> Trees:
        """Read the JSON; raises `ValueError` for what isn't trees of one numeric output."""
        base, trees = _stored(name, json.loads(source))
        offsets = np.cumsum([0, *(len(tree["left_children"]) for tree in trees)])
        each = [_nodes(tree, int(offset)) for tree, offset in zip(trees, offsets[:-1], strict=True)]
        nodes = {name: np.concatenate([tree[name] for tree in each]) for name in each[0]}
        return cls(
            name=name,
            source=source,
            base=base,
            depth=_depth(nodes["left"], nodes["right"], offsets[:-1]),
            roots=offsets[:-1].astype(np.int32),
            **nodes,
        )

    def predict(self, columns: list[Array]) -> Array:
        """Return base plus the leaves' sum for each row; NaN goes where the trees send what is missing."""
        matrix = np.column_stack(columns).astype(np.float32)
        out = np.empty(len(matrix))
        for begin in range(0, len(matrix), _CHUNK):
            out[begin : begin + _CHUNK] = self._walk(matrix[begin : begin + _CHUNK])
        return out

    def _walk(self, rows: NDArray[np.float32]) -> Array:
        place = np.arange(len(rows))
        node = np.repeat(self.roots[:, None], len(rows), axis=1)
        for _ in range(self.depth):
            value = rows[place, self.feature[node]]
            to_left = np.where(np.isnan(value), self.missing_left[node], value < self.threshold[node])
            node = np.where(to_left, self.left[node], self.right[node])
        total = np.full(len(rows), self.base)
        for leaves in self.leaf[node]:  # tree by tree: a sum over an axis would round by the number of rows
            total += leaves
        return total


def forest_json(base: float, trees: Sequence[Mapping[str, Sequence[float | bool]]]) -> bytes:
    """Return the JSON of trees that XGBoost didn't grow; each has XGBoost's five lists, and goes left where less."""
    return (json.dumps({"base": base, "trees": list(trees)}, sort_keys=True, allow_nan=False) + "\n").encode()


def _stored(name: str, parsed: dict[str, Any]) -> tuple[float, list[dict[str, Any]]]:
    """Return what all trees add to, and each one's lists of nodes."""
    if "learner" not in parsed:
        return float(parsed["base"]), parsed["trees"]
    learner = parsed["learner"]
    booster = learner["gradient_booster"]
    if booster.get("name") != "gbtree":
        raise ValueError(f"{name} holds a {booster.get('name')!r} booster, not trees")
    return float(str(learner["learner_model_param"]["base_score"]).strip("[]")), booster["model"]["trees"]


def _nodes(tree: dict[str, Any], offset: int) -> dict[str, NDArray[Any]]:
    """Return one tree's nodes as the arrays of `Trees`, its children counted from `offset`."""
    left, right = np.array(tree["left_children"], dtype=np.int32), np.array(tree["right_children"], dtype=np.int32)
    own = np.arange(len(left), dtype=np.int32)
    is_leaf = left < 0
    condition = np.array(tree["split_conditions"], dtype=np.float32)
    return {
        "feature": np.where(is_leaf, 0, np.array(tree["split_indices"], dtype=np.int32)).astype(np.int32),
        "threshold": condition,
        "left": (np.where(is_leaf, own, left) + offset).astype(np.int32),
        "right": (np.where(is_leaf, own, right) + offset).astype(np.int32),
        "missing_left": np.array(tree["default_left"]).astype(np.bool_),
        "leaf": np.where(is_leaf, condition, np.float32(0)).astype(np.float64),
    }


def _depth(left: NDArray[np.int32], right: NDArray[np.int32], roots: NDArray[Any]) -> int:
    """Return how many steps lead from the roots to the farthest leaf."""
    level, steps = np.unique(roots), 0
    while True:
        below = np.unique(np.concatenate([left[level], right[level]]))
        below = np.setdiff1d(below, level, assume_unique=True)
        if not len(below):
            return steps
        level, steps = below, steps + 1
