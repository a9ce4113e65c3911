"""The return forecast: where the middle of the distribution lies, before it is shrunk.

Each location says how many earlier rows (`lookback`) and which columns (`features`) it reads, and `predict`s the next
session's log return at some rows of a panel, given their sigma.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from app.registry.components.component import Component, component_from
from app.registry.components.history import WINDOW, history_mean
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
class DriftLocation(Component):
    """The mean of the symbol's last `window` log returns."""

    kind = "drift"
    features: ClassVar[tuple[str, ...]] = ()
    window: int = WINDOW

    @property
    def lookback(self) -> int:
        """The window's returns need one close more."""
        return self.window

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

    def predict(self, panel: Panel, sigma: Array, rows: Index) -> Array:
        """Return sigma times the sum of the trees' leaves."""
        columns = [panel.column(name)[rows] for name in self.features]
        return sigma * self.trees.predict(columns)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values; the trees themselves are a file of their own."""
        return {**super().as_dict(), "trees": self.trees.name}


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


def trees_of(location: Location) -> tuple[Trees, ...]:
    """Return every set of trees inside a location: what a saved model keeps in files of their own."""
    if isinstance(location, TreeLocation):
        return (location.trees,)
    if isinstance(location, SumLocation):
        return tuple(trees for part in location.parts for trees in trees_of(part))
    return ()


def location_from(values: dict[str, Any], trees: dict[str, Trees]) -> Location:
    """Build a location from its plain values; raises `ValueError` for a kind that isn't known."""
    values = dict(values)
    if "trees" in values:
        values["trees"] = trees[values["trees"]]
    if "parts" in values:
        values["parts"] = [location_from(part, trees) for part in values["parts"]]
    found: Location = component_from("location", Location, values)
    return found
