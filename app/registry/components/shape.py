"""The form of the distribution: quantiles at `LEVELS` of the next log return, given location and scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from app.registry.components.history import WINDOW, history_mean, history_quantiles
from app.registry.components.panel import Array, Index, Panel


class Shape(Protocol):
    """Turns location and sigma into quantiles: 21 for each row asked for, non-decreasing."""

    @property
    def lookback(self) -> int:
        """How many earlier rows are read."""

    def quantiles(self, panel: Panel, location: Array, sigma: Array, rows: Index) -> Array:
        """Return the quantiles of the log return, shape (rows, 21)."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, the kind among them."""


@dataclass(frozen=True)
class PooledShape:
    """Quantiles of the standardised out-of-fold residuals of all symbols together: location + sigma * z."""

    z: tuple[float, ...]
    rows: int = 0

    @property
    def lookback(self) -> int:
        """No earlier row is read."""
        return 0

    def quantiles(self, panel: Panel, location: Array, sigma: Array, rows: Index) -> Array:  # noqa: ARG002
        """Return location + sigma * z."""
        made: Array = location[:, None] + sigma[:, None] * np.array(self.z, dtype=np.float64)[None, :]
        return made

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"kind": "pooled", "z": list(self.z), "rows": self.rows}


@dataclass(frozen=True)
class HistoryShape:
    """The symbol's own last `window` log returns; with `recentred`, less their mean and around the location."""

    window: int = WINDOW
    recentred: bool = False

    @property
    def lookback(self) -> int:
        """The window's returns need one close more."""
        return self.window

    def quantiles(self, panel: Panel, location: Array, sigma: Array, rows: Index) -> Array:  # noqa: ARG002
        """Return the history's quantiles; NaN before the window is full."""
        table = history_quantiles(panel, self.window)[rows]
        if not self.recentred:
            return table
        return table - history_mean(panel, self.window)[rows, None] + location[:, None]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"kind": "history", "window": self.window, "recentred": self.recentred}


def shape_from(parts: dict[str, Any]) -> Shape:
    """Build a shape from its plain values; raises `ValueError` for a kind that isn't known."""
    if parts["kind"] == "pooled":
        return PooledShape(z=tuple(parts["z"]), rows=parts["rows"])
    if parts["kind"] == "history":
        return HistoryShape(window=parts["window"], recentred=parts["recentred"])
    raise ValueError(f"shape {parts['kind']!r} is not one of ['history', 'pooled']")
