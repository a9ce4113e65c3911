"""Fits the log-linear volatility model by Student-t likelihood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.registry.components.panel import Array
from app.registry.components.scale import FARTHEST, LogLinearScale

DEGREES_OF_FREEDOM = 4.0
OFFSET = "range_22"
PENALTY, PENALTY_SHARED = 20.0, 100.0
"""Ridge on the standardised weights, in rows; for what all symbols of a session share, in sessions."""
_STEPS, _ENOUGH, _STILL = 60, 1e-9, 1e-9
_MEDIAN_T = 0.741
"""Median of |t| with 4 degrees of freedom: the first guess of sigma is the median move over it."""


@dataclass(frozen=True, eq=False)
class Standard:
    """Means and spreads of regressors over the rows learnt from."""

    mean: Array
    spread: Array

    @classmethod
    def of(cls, rows: Array) -> Standard:
        """Measure the columns where they are known; one that never changes counts for nothing."""
        known = np.isfinite(rows)
        count = np.maximum(known.sum(axis=0), 1)
        filled = rows if bool(known.all()) else np.where(known, rows, 0.0)
        mean = filled.sum(axis=0) / count
        spread = np.sqrt(np.maximum(np.einsum("ij,ij->j", filled, filled) / count - mean * mean, 0.0))
        return cls(mean, np.where(spread > _STILL, spread, 1.0))

    def apply(self, rows: Array) -> Array:
        """Return the rows standardised as a served model does it."""
        z = (rows - self.mean) / self.spread
        np.nan_to_num(z, copy=False, nan=0.0)
        return np.clip(z, -FARTHEST, FARTHEST, out=z)


def fit_scale(names: tuple[str, ...], rows: Array, returns: Array, penalties: Array) -> LogLinearScale:
    """Return log sigma = offset + b'z that maximises the t likelihood of the returns, by Fisher scoring.

    `rows` are raw regressors in the order of `names`, the offset among them; `penalties` are theirs. The information
    of log sigma under Student's t is constant, 2 nu / (nu + 3) a row, so one Gram matrix serves every step.
    """
    standard = Standard.of(rows)
    z = np.column_stack([np.ones(len(rows)), standard.apply(rows)])
    ridge = np.concatenate([[0.0], penalties])
    offset = rows[:, names.index(OFFSET)]
    returns = returns * np.exp(-offset)
    nu = DEGREES_OF_FREEDOM
    information = 2.0 * nu / (nu + 3.0) * (z.T @ z) + np.diag(ridge) + 1e-9 * np.eye(z.shape[1])
    squares = returns * returns
    weights = np.zeros(z.shape[1])
    weights[0] = np.log(max(float(np.median(np.abs(returns))), 1e-5) / _MEDIAN_T)
    for _ in range(_STEPS):
        u = squares * np.exp(-2.0 * (z @ weights))
        gradient = z.T @ (1.0 - (nu + 1.0) * u / (nu + u)) + ridge * weights
        step = np.linalg.solve(information, gradient)
        step *= min(1.0, 0.5 / max(float(np.abs(step).max()), 1e-300))
        weights = weights - step
        if float(np.abs(step).max()) < _ENOUGH:
            break
    return LogLinearScale(
        features=names,
        mean=tuple(standard.mean.tolist()),
        spread=tuple(standard.spread.tolist()),
        weights=tuple(weights[1:].tolist()),
        start=float(weights[0]),
        degrees_of_freedom=nu,
        offset=OFFSET,
    )
