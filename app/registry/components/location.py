"""The return forecast: where the middle of the distribution lies, before it is shrunk.

Each location says how many earlier rows (`lookback`) and which columns (`features`) it reads, and `predict`s the next
session's log return at some rows of a panel, given their sigma.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from app.registry.components.component import Component
from app.registry.components.history import WindowedComponent, history_mean
from app.registry.components.panel import Array, Index, Panel
from app.registry.components.scale import LinearComponent
from app.registry.components.trees import Trees


@dataclass(frozen=True)
class ZeroLocation(Component):
    """The random walk's: no return is expected."""

    kind = "zero"
    features: ClassVar[tuple[str, ...]] = ()
    lookback: ClassVar[int] = 0

    def predict(self, panel: Panel, sigma: Array, rows: Index) -> Array:  # noqa: ARG002
        """Return zeros."""
        return np.zeros(len(rows))


@dataclass(frozen=True)
class DriftLocation(WindowedComponent):
    """The mean of the symbol's last `window` log returns."""

    kind = "drift"

    def predict(self, panel: Panel, sigma: Array, rows: Index) -> Array:  # noqa: ARG002
        """Return the mean; NaN before the window is full."""
        return history_mean(panel, self.window)[rows]


@dataclass(frozen=True)
class LinearLocation(LinearComponent):
    """A weighted sum of standardised features, in units of the row's own sigma or of the return itself."""

    kind = "linear"
    unit: str = "sigma"
    lookback: int = 0

    def predict(self, panel: Panel, sigma: Array, rows: Index) -> Array:
        """Return the weighted sum of the features, times sigma where that is the unit."""
        total = self.total(panel, 0.0, rows)
        return sigma * total if self.unit == "sigma" else total


@dataclass(frozen=True)
class TreeLocation(Component):
    """Boosted trees or a forest, as XGBoost grew them; its unit is the row's own sigma."""

    kind = "trees"
    lookback: ClassVar[int] = 0
    features: tuple[str, ...]
    trees: Trees
    symbols: tuple[str, ...] = ()
    levels: tuple[float, ...] = ()
    """What the trees read last: each symbol's own mean so far, shrunk; 0, the pooled one, of a stranger."""

    def predict(self, panel: Panel, sigma: Array, rows: Index) -> Array:
        """Return sigma times the sum of the trees' leaves."""
        own = panel.by_symbol(self.symbols, self.levels)[rows]
        columns = [*(panel.column(name)[rows] for name in self.features), own]
        return sigma * self.trees.predict(columns)


@dataclass(frozen=True)
class SumLocation(Component):
    """A weighted sum of several locations, which speak of different things: the market, and the symbols within it."""

    kind = "sum"
    parts: tuple[Location, ...]
    weights: tuple[float, ...]

    @property
    def lookback(self) -> int:
        """The longest of the parts'."""
        return max(part.lookback for part in self.parts)

    @property
    def features(self) -> tuple[str, ...]:
        """Every column that a part reads, once, in order."""
        return tuple(dict.fromkeys(name for part in self.parts for name in part.features))

    def predict(self, panel: Panel, sigma: Array, rows: Index) -> Array:
        """Return the weighted sum of the parts' forecasts."""
        total = np.zeros(len(rows))
        for part, weight in zip(self.parts, self.weights, strict=True):
            if weight:
                total = total + weight * part.predict(panel, sigma, rows)
        return total


Location = ZeroLocation | DriftLocation | LinearLocation | TreeLocation | SumLocation
