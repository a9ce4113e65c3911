"""The volatility forecast: sigma of the next session's log return, by a plain rule or by a fitted log-linear model."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np

from app.registry.components.history import WINDOW, history_sigma
from app.registry.components.panel import Array, Index, Panel, weighted_sum

LOWEST, HIGHEST = np.log(5e-4), np.log(0.5)
"""Bounds of log sigma: 0.05 % to 50 % a session."""
FARTHEST = 6.0
"""A standardised regressor is held within this many standard deviations of its mean."""


class Scale(Protocol):
    """Forecasts sigma for every row of a panel; NaN where the row lacks what is needed."""

    @property
    def lookback(self) -> int:
        """How many earlier rows are read."""

    @property
    def features(self) -> tuple[str, ...]:
        """The columns that are read."""

    def sigma(self, panel: Panel) -> Array:
        """Return sigma of the next session's log return, row by row."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, the kind among them."""


@dataclass(frozen=True)
class HistoryScale:
    """The width of the symbol's last `window` returns."""

    window: int = WINDOW
    features: tuple[str, ...] = ()

    @property
    def lookback(self) -> int:
        """The window's returns need one close more."""
        return self.window

    def sigma(self, panel: Panel) -> Array:
        """Return the width of the window's 80 % band in normal standard deviations; NaN before it is full."""
        return history_sigma(panel, self.window)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"kind": "history", "window": self.window}


@dataclass(frozen=True)
class EwmaScale:
    """RiskMetrics (1996): exponentially weighted mean of squared returns, over the last `2**doublings` of them."""

    decay: float = 0.94
    doublings: int = 8
    warm: int = 66
    features: tuple[str, ...] = ()

    @property
    def lookback(self) -> int:
        """The window's length; weights beyond are below 1e-6."""
        return 1 << self.doublings

    def sigma(self, panel: Panel) -> Array:
        """Return the EWMA volatility; NaN on a symbol's first `warm` rows."""
        return panel.once(("ewma", self.decay, self.doublings), lambda: self._compute(panel))

    def _compute(self, panel: Panel) -> Array:
        squares = np.where(np.isfinite(panel.realised), panel.realised**2, 0.0)
        known = np.where(np.isfinite(panel.realised), 1.0, 0.0)
        weight = panel.decayed(known, self.decay, self.doublings)
        variance = panel.decayed(squares, self.decay, self.doublings) / np.maximum(weight, 1e-300)
        sigma = np.exp(np.clip(0.5 * np.log(np.maximum(variance, 1e-300)), LOWEST, HIGHEST))
        sigma[panel.row < self.warm] = np.nan
        return sigma

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"kind": "ewma", "decay": self.decay, "doublings": self.doublings, "warm": self.warm}


@dataclass(frozen=True)
class LogLinearScale:
    """HAR (Corsi 2009) in logs: log sigma is linear in standardised regressors, fitted by Student-t likelihood.

    A regressor that isn't known stands at its mean, and none counts for more than `FARTHEST` standard deviations.
    """

    features: tuple[str, ...]
    mean: tuple[float, ...]
    spread: tuple[float, ...]
    weights: tuple[float, ...]
    start: float
    degrees_of_freedom: float
    offset: str = "range_22"
    """The regressor that log sigma follows one for one; the weights say how sigma differs from it."""

    @property
    def lookback(self) -> int:
        """Features carry their own windows."""
        return 0

    def sigma(self, panel: Panel) -> Array:
        """Return sigma for every row."""
        return panel.once(("loglinear", self), lambda: self._compute(panel))

    def _compute(self, panel: Panel) -> Array:
        columns = standardised(panel, self.features, self.mean, self.spread)
        log_sigma = panel.column(self.offset) + weighted_sum(columns, np.array(self.weights), self.start)
        return np.exp(np.clip(log_sigma, LOWEST, HIGHEST))

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"kind": "loglinear", **asdict(self)}


def standardised(
    panel: Panel,
    features: tuple[str, ...],
    mean: tuple[float, ...],
    spread: tuple[float, ...],
    rows: Index | slice = slice(None),
) -> list[Array]:
    """Return each feature less its mean over its spread, held within `FARTHEST`; 0 where it isn't known."""
    columns = []
    for name, centre, width in zip(features, mean, spread, strict=True):
        z = (panel.column(name)[rows] - centre) / width
        columns.append(np.clip(np.where(np.isfinite(z), z, 0.0), -FARTHEST, FARTHEST))
    return columns


def scale_from(parts: dict[str, Any]) -> Scale:
    """Build a scale from its plain values; raises `ValueError` for a kind that isn't known."""
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in parts.items() if key != "kind"}
    kinds: dict[str, Any] = {"history": HistoryScale, "ewma": EwmaScale, "loglinear": LogLinearScale}
    if parts["kind"] not in kinds:
        raise ValueError(f"scale {parts['kind']!r} is not one of {sorted(kinds)}")
    made: Scale = kinds[parts["kind"]](**values)
    return made
