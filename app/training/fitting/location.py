"""Fits the return forecasts: ridge, forest and boosted trees, all on the same target.

The target is the return over its forecast sigma, cut at 4, less its mean over the session's symbols: what skill there
is lies in the cross-section, and the market's own move gets no forecast. Penalties are heavy because the signal is
faint; those of ridge and boosting are chosen from the grids of `search`, the others are fixed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.registry.components.location import LinearLocation, Location
from app.registry.components.panel import Array, Index
from app.training.fitting import forest
from app.training.fitting.scale import Standard

if TYPE_CHECKING:
    from xgboost import Booster

CUT = 4.0
REVERSAL_PRIOR = 100.0
SEED = 7
TREE_KINDS = ("xgboost", "random_forest")
_BOOSTED: dict[str, Any] = {
    "max_depth": 3,
    "eta": 0.05,
    "subsample": 0.5,
    "colsample_bytree": 0.5,
    "min_child_weight": 500,
    "objective": "reg:squarederror",
    "base_score": 0.0,
    "tree_method": "hist",
    "max_bin": 64,
    "lambda": 100.0,
    "nthread": 1,
    "seed": SEED,
}


class FittedLocation(NamedTuple):
    """A location, and the settings that a search chose for it."""

    location: Location
    chosen: Mapping[str, float] = {}


def neutral_target(returns: Array, sigma: Array, day: Index) -> Array:
    """Return the cut, standardised return less its session's mean over the symbols."""
    return less_mean(np.clip(returns / sigma, -CUT, CUT), day)


def less_mean(values: Array, session: Index) -> Array:
    """Return values less their session's mean."""
    mean = np.bincount(session, weights=values) / np.maximum(np.bincount(session), 1)
    return values - mean[session]


def fit_ridge(names: tuple[str, ...], rows: Array, target: Array, penalty: float) -> LinearLocation:
    """Return ridge regression (Hoerl & Kennard 1970) of the target on standardised features; the penalty is in rows."""
    standard = Standard.of(rows)
    weights = ridge_weights(standard.apply(rows), target, penalty)
    return LinearLocation(
        features=names,
        mean=tuple(standard.mean.tolist()),
        spread=tuple(standard.spread.tolist()),
        weights=tuple(weights.tolist()),
    )


def ridge_weights(z: Array, target: Array, penalty: float) -> Array:
    """Return the weights of standardised features."""
    from sklearn.linear_model import Ridge

    fitted = Ridge(alpha=penalty * len(z), fit_intercept=False, solver="cholesky").fit(z, target)
    return np.asarray(fitted.coef_, dtype=np.float64)


def fit_reversal(names: tuple[str, ...], rows: Array, returns: Array, sigma: Array, sessions: int) -> LinearLocation:
    """Return what the market's last move and its drift are worth to a symbol, by its beta.

    Index returns turn back a little from one session to the next (Baltussen, van Bekkum & Da 2019). Least squares with
    weights 1 / sigma on returns cut at 5 sigma; the ridge is `REVERSAL_PRIOR` sessions of the Gram matrix's diagonal.
    """
    cut = np.clip(returns, -5.0 * sigma, 5.0 * sigma)
    gram = rows.T @ (rows / sigma[:, None])
    ridge = REVERSAL_PRIOR / max(sessions, 1) * np.diag(np.diag(gram)) + 1e-12 * np.eye(len(names))
    weights = np.linalg.solve(gram + ridge, rows.T @ (cut / sigma))
    flat = (0.0,) * len(names), (1.0,) * len(names)
    return LinearLocation(names, *flat, weights=tuple(weights.tolist()), unit="return")


def boosted(rows: NDArray[np.float32], target: Array, rounds: int) -> Booster:
    """Return boosted trees (Chen & Guestrin 2016)."""
    import xgboost

    matrix = xgboost.QuantileDMatrix(rows, label=target, max_bin=_BOOSTED["max_bin"], nthread=1)
    return xgboost.train(_BOOSTED, matrix, num_boost_round=rounds)


SETTINGS: dict[str, dict[str, object]] = {
    "ridge": {"cut": CUT},
    "reversal": {"prior_sessions": REVERSAL_PRIOR},
    "xgboost": {**_BOOSTED, "cut": CUT},
    "random_forest": {**forest.SETTINGS, "rows": forest.MOST_ROWS, "cut": CUT},
}
"""What a location is always fitted with, for the record."""
