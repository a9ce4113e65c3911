"""The return forecast: where the middle of the distribution lies, before it is shrunk."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np

from app.registry.components.history import WINDOW, history_mean
from app.registry.components.panel import Array, Index, Panel, weighted_sum
from app.registry.components.scale import standardised
from app.registry.components.trees import Trees


class Location(Protocol):
    """Forecasts the next session's log return for some rows of a panel, given their sigma."""

    @property
    def lookback(self) -> int:
        """How many earlier rows are read."""

    @property
    def features(self) -> tuple[str, ...]:
        """The columns that are read."""

    def predict(self, panel: Panel, sigma: Array, rows: Index) -> Array:
        """Return the log return expected at `rows`; `sigma` is theirs."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, the kind among them."""


@dataclass(frozen=True)
class ZeroLocation:
    """The random walk's: no return is expected."""

    features: tuple[str, ...] = ()
    lookback: int = 0

    def predict(self, panel: Panel, sigma: Array, rows: Index) -> Array:  # noqa: ARG002
        """Return zeros."""
        return np.zeros(len(rows))

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"kind": "zero"}


@dataclass(frozen=True)
class DriftLocation:
    """The mean of the symbol's last `window` log returns."""

    window: int = WINDOW
    features: tuple[str, ...] = ()

    @property
    def lookback(self) -> int:
        """The window's returns need one close more."""
        return self.window

    def predict(self, panel: Panel, sigma: Array, rows: Index) -> Array:  # noqa: ARG002
        """Return the mean; NaN before the window is full."""
        return history_mean(panel, self.window)[rows]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"kind": "drift", "window": self.window}


@dataclass(frozen=True)
class LinearLocation:
    """A weighted sum of standardised features, in units of the row's own sigma or of the return itself."""

    features: tuple[str, ...]
    mean: tuple[float, ...]
    spread: tuple[float, ...]
    weights: tuple[float, ...]
    unit: str = "sigma"
    lookback: int = 0

    def predict(self, panel: Panel, sigma: Array, rows: Index) -> Array:
        """Return the weighted sum of the features, times sigma where that is the unit."""
        columns = standardised(panel, self.features, self.mean, self.spread, rows)
        total = weighted_sum(columns, np.array(self.weights), 0.0)
        return sigma * total if self.unit == "sigma" else total

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"kind": "linear", **asdict(self)}


@dataclass(frozen=True)
class TreeLocation:
    """Boosted trees or a forest, as XGBoost grew them; its unit is the row's own sigma."""

    features: tuple[str, ...]
    trees: Trees
    lookback: int = 0

    def predict(self, panel: Panel, sigma: Array, rows: Index) -> Array:
        """Return sigma times the sum of the trees' leaves."""
        columns = [panel.column(name)[rows] for name in self.features]
        return sigma * self.trees.predict(columns)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values; the trees themselves are a file of their own."""
        return {"kind": "trees", "features": list(self.features), "trees": self.trees.name}


@dataclass(frozen=True)
class SumLocation:
    """A weighted sum of several locations, which speak of different things: the market, and the symbols within it."""

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

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"kind": "sum", "parts": [part.as_dict() for part in self.parts], "weights": list(self.weights)}


def trees_of(location: Location) -> tuple[Trees, ...]:
    """Return every set of trees inside a location: what a saved model keeps in files of their own."""
    if isinstance(location, TreeLocation):
        return (location.trees,)
    if isinstance(location, SumLocation):
        return tuple(trees for part in location.parts for trees in trees_of(part))
    return ()


def location_from(parts: dict[str, Any], trees: dict[str, Trees]) -> Location:
    """Build a location from its plain values; raises `ValueError` for a kind that isn't known."""
    kind = parts["kind"]
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in parts.items() if key != "kind"
    }
    if kind == "zero":
        return ZeroLocation()
    if kind == "drift":
        return DriftLocation(**values)
    if kind == "linear":
        return LinearLocation(**values)
    if kind == "trees":
        return TreeLocation(features=values["features"], trees=trees[values["trees"]])
    if kind == "sum":
        return SumLocation(tuple(location_from(part, trees) for part in parts["parts"]), values["weights"])
    raise ValueError(f"location {kind!r} is not one of ['drift', 'linear', 'sum', 'trees', 'zero']")
