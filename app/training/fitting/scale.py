"""Fits the volatility models: a log-linear one by Student-t likelihood, and what trees learn from its misses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.registry.components.panel import Array
from app.registry.components.scale import FARTHEST, LogLinearScale

DEGREES_OF_FREEDOM = 4.0
OFFSET = "range_22"
PENALTY, PENALTY_SHARED = 20.0, 100.0
"""Ridge on the standardised weights, in rows; for what all symbols of a session share, in sessions."""
PENALTY_EVENTS = 5.0
"""Ridge on the weights of what is 0 but on the targets of earnings days, in such days."""
_STEPS, _ENOUGH, _STILL = 60, 1e-9, 1e-9
_MEDIAN_T = 0.741
"""Median of |t| with 4 degrees of freedom: the first guess of sigma is the median move over it."""


@dataclass(frozen=True, eq=False)
class Standard:
    """Means and spreads of regressors over the rows learnt from."""

    mean: Array
    spread: Array

    @classmethod
    def of(cls, rows: Array, plain: Sequence[bool] = ()) -> Standard:
        """Measure the columns where they are known; one that never changes counts for nothing, `plain` ones as is."""
        measured = np.zeros((2, rows.shape[1]))
        for place in range(rows.shape[1]):  # column by column: a copy of a large array counts
            column = rows[:, place]
            known = column[np.isfinite(column)]
            if len(known):
                measured[:, place] = known.mean(), known.std()
        mean, spread = measured
        as_is = np.array(plain, dtype=np.bool_) if len(plain) else np.zeros(len(mean), dtype=np.bool_)
        return cls(np.where(as_is, 0.0, mean), np.where(as_is | (spread <= _STILL), 1.0, spread))

    def apply(self, rows: Array) -> Array:
        """Return the rows standardised as a served model does it."""
        return self._into(np.empty_like(rows), rows)

    def with_ones(self, rows: Array) -> Array:
        """Return a column of ones and the rows standardised, in one array: a copy of a large one counts."""
        found = np.ones((len(rows), rows.shape[1] + 1))
        self._into(found[:, 1:], rows)
        return found

    def _into(self, z: Array, rows: Array) -> Array:
        np.subtract(rows, self.mean, out=z)
        np.divide(z, self.spread, out=z)
        z[np.isnan(z)] = 0.0
        return np.clip(z, -FARTHEST, FARTHEST, out=z)


def penalties(shared: Sequence[bool], of_events: Sequence[bool], rows: int, sessions: int) -> Array:
    """Return each regressor's ridge in rows: by rows, by sessions for what these share, or by events."""
    usual = np.where(shared, PENALTY_SHARED * rows / max(sessions, 1), PENALTY)
    return np.where(of_events, PENALTY_EVENTS, usual)


def fit_scale(
    names: tuple[str, ...],
    rows: Array,
    returns: Array,
    ridge: Array,
    plain: Sequence[bool] = (),
    before: LogLinearScale | None = None,
) -> LogLinearScale:
    """Return log sigma = offset + b'z that maximises the t likelihood of the returns, by Fisher scoring.

    `rows` are raw regressors in the order of `names`, the offset among them; `ridge` is theirs, and `plain` ones aren't
    standardised. The search starts from the weights `before`. The information of log sigma under Student's t is
    constant, 2 nu / (nu + 3) a row, so one Gram matrix serves every step.
    """
    standard = Standard.of(rows, plain)
    z = standard.with_ones(rows)
    ridge = np.concatenate([[0.0], ridge])
    offset = rows[:, names.index(OFFSET)]
    returns = returns * np.exp(-offset)
    nu = DEGREES_OF_FREEDOM
    information = 2.0 * nu / (nu + 3.0) * (z.T @ z) + np.diag(ridge) + 1e-9 * np.eye(z.shape[1])
    squares = returns * returns
    weights = np.array([before.start, *before.weights]) if before else np.zeros(z.shape[1])
    if not before:
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


def score_of(squares: Array) -> Array:
    """Return by how much log sigma should move for each squared standardised return: the likelihood's Newton step."""
    nu = DEGREES_OF_FREEDOM
    step: Array = ((nu + 1.0) * squares / (nu + squares) - 1.0) * (nu + 3.0) / (2.0 * nu)
    return step
