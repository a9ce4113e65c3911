"""The volatility forecast: sigma of the next session's log return, by a plain rule or by fitted models of its log.

Each scale says how many earlier rows (`lookback`) and which columns (`features`) it reads, and gives a panel's `sigma`
row by row; NaN where the row lacks what is needed. What `correction` adds to log sigma is asked for some rows only: the
online level is learnt without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np

from app.registry.components.component import Component
from app.registry.components.history import WindowedComponent, history_sigma
from app.registry.components.panel import Array, Index, Panel, weighted_sum
from app.registry.components.trees import Trees

LOWEST, HIGHEST = np.log(5e-4), np.log(0.5)
"""Bounds of log sigma: 0.05 % to 50 % a session."""
FARTHEST = 6.0
"""A standardised regressor is held within this many standard deviations of its mean."""


@dataclass(frozen=True)
class LinearComponent(Component):
    """A weighted sum of standardised features.

    A feature that isn't known stands at its mean, and none counts for more than `FARTHEST` standard deviations.
    """

    features: tuple[str, ...]
    mean: tuple[float, ...]
    spread: tuple[float, ...]
    weights: tuple[float, ...]

    def total(self, panel: Panel, start: float, rows: Index | slice = slice(None)) -> Array:
        """Return `start` and each weight times its feature, less the mean, over the spread."""
        return weighted_sum(list(self._standardised(panel, rows)), np.array(self.weights), start)

    def terms(self, panel: Panel, rows: Index | slice = slice(None)) -> dict[str, Array]:
        """Return what each feature adds to the total."""
        columns = zip(self.features, self.weights, self._standardised(panel, rows), strict=True)
        return {name: weight * column for name, weight, column in columns}

    def _standardised(self, panel: Panel, rows: Index | slice) -> Iterator[Array]:
        for name, centre, width in zip(self.features, self.mean, self.spread, strict=True):
            z = (panel.column(name)[rows] - centre) / width
            yield np.clip(np.where(np.isfinite(z), z, 0.0), -FARTHEST, FARTHEST)


@dataclass(frozen=True)
class HistoryScale(WindowedComponent):
    """The width of the symbol's last `window` returns."""

    kind = "history"

    def sigma(self, panel: Panel) -> Array:
        """Return the width of the window's 80 % band in normal standard deviations; NaN before it is full."""
        return history_sigma(panel, self.window)


@dataclass(frozen=True)
class EwmaScale(Component):
    """RiskMetrics (1996): exponentially weighted mean of squared returns, over the last `2**doublings` of them."""

    kind = "ewma"
    features: ClassVar[tuple[str, ...]] = ()
    decay: float = 0.94
    doublings: int = 8
    warm: int = 66

    @property
    def lookback(self) -> int:
        """The window's length; weights beyond are below 1e-6."""
        return 1 << self.doublings

    def sigma(self, panel: Panel) -> Array:
        """Return the EWMA volatility; NaN on a symbol's first `warm` rows."""
        squares = np.where(np.isfinite(panel.realised), panel.realised**2, 0.0)
        known = np.where(np.isfinite(panel.realised), 1.0, 0.0)
        weight = panel.decayed(known, self.decay, self.doublings)
        variance = panel.decayed(squares, self.decay, self.doublings) / np.maximum(weight, 1e-300)
        sigma = np.exp(np.clip(0.5 * np.log(np.maximum(variance, 1e-300)), LOWEST, HIGHEST))
        sigma[panel.row < self.warm] = np.nan
        return sigma


@dataclass(frozen=True)
class LogLinearScale(LinearComponent):
    """HAR (Corsi 2009) in logs: log sigma is linear in standardised regressors, fitted by Student-t likelihood."""

    kind = "loglinear"
    lookback: ClassVar[int] = 0
    start: float
    degrees_of_freedom: float
    offset: str = "range_22"
    """The regressor that log sigma follows one for one; the weights say how sigma differs from it."""
    symbols: tuple[str, ...] = ()
    levels: tuple[float, ...] = ()
    """What a symbol that was learnt from adds to log sigma by itself; a stranger adds nothing."""

    def sigma(self, panel: Panel) -> Array:
        """Return sigma for every row."""
        log_sigma = panel.column(self.offset) + self.total(panel, self.start) + self.own_level(panel)
        return np.exp(np.clip(log_sigma, LOWEST, HIGHEST))

    def own_level(self, panel: Panel) -> Array:
        """Return what each row's symbol adds to log sigma by itself."""
        return panel.by_symbol(self.symbols, self.levels)


@dataclass(frozen=True)
class CorrectedScale(Component):
    """A log-linear scale, and trees that say how log sigma differs from it: each set times `weight`."""

    kind = "corrected"
    lookback: ClassVar[int] = 0
    linear: LogLinearScale
    reads: tuple[str, ...]
    """The columns that the trees read."""
    trees: tuple[Trees, ...]
    weight: float
    symbols: tuple[str, ...] = ()
    levels: tuple[float, ...] = ()
    """What the trees read last: by how much each symbol was missed so far; 0, the pooled level, of a stranger."""

    @property
    def features(self) -> tuple[str, ...]:
        """Every column that is read, once, in order."""
        return tuple(dict.fromkeys((*self.linear.features, *self.reads)))

    def correction(self, panel: Panel, rows: Index) -> Array:
        """Return what the trees add to log sigma at some rows."""
        own = panel.by_symbol(self.symbols, self.levels)[rows]
        columns = [*(panel.column(name)[rows] for name in self.reads), own]
        total = np.zeros(len(rows))
        for trees in self.trees:
            total = total + self.weight * panel.once((trees, rows.tobytes()), partial(trees.predict, columns))
        return total


Scale = HistoryScale | EwmaScale | LogLinearScale | CorrectedScale
