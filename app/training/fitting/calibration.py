"""What is learnt from out-of-fold rows alone: how far a location is trusted, and the form of the distribution."""

from __future__ import annotations

import numpy as np

from app.registry.components.history import sorted_quantiles
from app.registry.components.panel import Array, Index
from app.registry.components.shape import PooledShape
from app.training.data.folds import FEWEST_SESSIONS

SHAPE_SESSIONS = 504
"""The shape is pooled over the out-of-fold residuals of the last two years."""
_CUT = 5.0


def shrinkage(raw: Array, realised: Array, sigma: Array, day: Index) -> float:
    """Return how far to trust a location: the slope of realised on forecast returns, in [0, 1].

    Mincer & Zarnowitz (1969) through the origin, weighted by 1 / sigma^2, times 1 - 1/t^2 where t is the slope over
    its error clustered by session: a slope within one error of zero counts as none, so noise can't do harm.
    """
    known = np.isfinite(raw) & np.isfinite(realised) & np.isfinite(sigma)
    if not known.any() or len(np.unique(day[known])) < FEWEST_SESSIONS:
        return 0.0
    x, y = raw[known] / sigma[known], np.clip(realised[known] / sigma[known], -_CUT, _CUT)
    weight = float(np.sum(x * x))
    if weight <= 0.0:
        return 0.0
    slope = float(np.sum(x * y)) / weight
    by_session = np.bincount(day[known], weights=x * (y - slope * x))
    error = float(np.sqrt(np.sum(by_session**2))) / weight
    if slope <= error:
        return 0.0
    return float(np.clip(slope * (1.0 - (error / slope) ** 2), 0.0, 1.0))


def pooled_shape(residuals: Array) -> PooledShape | None:
    """Return the quantiles of standardised out-of-fold residuals; None where there are too few."""
    known = residuals[np.isfinite(residuals)]
    if len(known) < FEWEST_SESSIONS:
        return None
    return PooledShape(tuple(sorted_quantiles(np.sort(known)).tolist()), len(known))
