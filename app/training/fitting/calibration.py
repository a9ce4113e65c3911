"""What is learnt from out-of-fold rows alone: how far a location is trusted, and the form of the distribution."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.registry.components.history import sorted_quantiles
from app.registry.components.panel import Array, Index, count_distinct
from app.registry.components.shape import EventShape, PooledShape
from app.training.data.folds import FEWEST_SESSIONS

SHAPE_SESSIONS = 504
"""The shape is pooled over the out-of-fold residuals of the last two years."""
FEWEST_EVENTS = 300
"""Sessions that trade results have a shape of their own from this many out-of-fold rows on, over all of the past."""
HALF_LIFE = 63
"""Sessions after which a forecast's past counts half for the trust in it."""
EVIDENCE = 3.0
"""Errors that a slope must be away from zero before anything is trusted."""
HARM = 5e-5
"""What a turn that goes unnoticed until the next refit may cost, as a share of a year's absolute error."""
_YEAR = 252
_TENT = 0.4
"""Half the second derivative of a fat-tailed mean absolute error at its middle, over the error itself."""
_CUT = 5.0


def shrinkage(raw: Array, realised: Array, sigma: Array, day: Index, refit_every: int) -> float:
    """Return how far to trust a location until the next refit, in [0, 1]: by recent loss, against zero.

    The slope of realised on forecast returns (Mincer & Zarnowitz 1969) through the origin, weighted by 1 / sigma^2 and
    halved every `HALF_LIFE` sessions, times 1 - (EVIDENCE / t)^2, where t is the slope over its error clustered by
    session: what isn't three errors from zero counts as none. And no more than a turn to the mirrored slope, unnoticed
    for `refit_every` sessions, may cost: trust that has faded by the next refit can't have done much harm.
    """
    known = np.isfinite(raw) & np.isfinite(realised) & np.isfinite(sigma)
    if not known.any() or count_distinct(day[known]) < FEWEST_SESSIONS:
        return 0.0
    x, y = raw[known] / sigma[known], np.clip(realised[known] / sigma[known], -_CUT, _CUT)
    age = int(day[known].max()) - day[known]
    fading = 0.5 ** (age / HALF_LIFE)
    weight = float(np.sum(fading * x * x))
    if weight <= 0.0:
        return 0.0
    slope = float(np.sum(fading * x * y)) / weight
    by_session = np.bincount(age, weights=fading * x * (y - slope * x))
    error = float(np.sqrt(np.sum(by_session**2))) / weight
    if slope <= EVIDENCE * error:
        return 0.0
    trusted = min(slope * (1.0 - (EVIDENCE * error / slope) ** 2), 1.0)
    return min(trusted, _harmless(weight / float(np.sum(fading)), slope, refit_every))


def _harmless(size: float, slope: float, refit_every: int) -> float:
    """Return the trust w at which a turn costs `HARM`: refits a year short of it, _TENT size (w^2 + 2 w slope).

    `size` is the mean square of the standardised forecast. The cost is that of a forecast w x where -slope x is true.
    """
    allowed = HARM * _YEAR / refit_every / (_TENT * size)
    return float(np.sqrt(slope * slope + allowed) - slope)


def pooled_shape(residuals: Array) -> PooledShape | None:
    """Return the quantiles of standardised out-of-fold residuals; None where there are too few."""
    known = residuals[np.isfinite(residuals)]
    if len(known) < FEWEST_SESSIONS:
        return None
    return PooledShape(tuple(sorted_quantiles(np.sort(known)).tolist()), len(known))


def shape_by_event(
    residuals: Array, event: NDArray[np.bool_], recent: NDArray[np.bool_]
) -> PooledShape | EventShape | None:
    """Return a shape for event sessions, from all of them, and one for the recent others; one for all where too few."""
    known = np.isfinite(residuals)
    of_events = pooled_shape(residuals[event]) if int((event & known).sum()) >= FEWEST_EVENTS else None
    usual = pooled_shape(residuals[recent & ~event if of_events else recent])
    return EventShape(usual, of_events) if usual and of_events else usual
