"""The form of the distribution: quantiles at `LEVELS` of the next log return, given location and scale.

Each shape says how many earlier rows (`lookback`) and which columns (`features`) it reads, and gives `quantiles`: 21
for each row asked for, non-decreasing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from app.registry.components.component import Component
from app.registry.components.event import EVENT, is_event
from app.registry.components.history import WindowedComponent, history_mean, history_quantiles
from app.registry.components.panel import Array, Index, Panel


@dataclass(frozen=True)
class PooledShape(Component):
    """Quantiles of the standardised out-of-fold residuals of all symbols together: location + sigma * z."""

    kind = "pooled"
    lookback: ClassVar[int] = 0
    features: ClassVar[tuple[str, ...]] = ()
    z: tuple[float, ...]
    rows: int = 0

    def quantiles(self, panel: Panel, location: Array, sigma: Array, rows: Index) -> Array:  # noqa: ARG002
        """Return location + sigma * z."""
        quantiles: Array = location[:, None] + sigma[:, None] * np.array(self.z, dtype=np.float64)[None, :]
        return quantiles


@dataclass(frozen=True)
class HistoryShape(WindowedComponent):
    """The symbol's own last `window` log returns; with `recentred`, less their mean and around the location."""

    kind = "history"
    recentred: bool = False

    def quantiles(self, panel: Panel, location: Array, sigma: Array, rows: Index) -> Array:  # noqa: ARG002
        """Return the history's quantiles; NaN before the window is full."""
        table = history_quantiles(panel, self.window)[rows]
        if not self.recentred:
            return table
        return table - history_mean(panel, self.window)[rows, None] + location[:, None]


@dataclass(frozen=True)
class EventShape(Component):
    """A shape for targets that trade results first, and one for all others."""

    kind = "by_event"
    lookback: ClassVar[int] = 0
    features: ClassVar[tuple[str, ...]] = (EVENT,)
    usual: PooledShape
    event: PooledShape

    def quantiles(self, panel: Panel, location: Array, sigma: Array, rows: Index) -> Array:
        """Return location + sigma * z, z by the kind of session."""
        z = np.array([self.usual.z, self.event.z], dtype=np.float64)
        kind = is_event(panel.column(EVENT)[rows]).astype(np.intp)
        quantiles: Array = location[:, None] + sigma[:, None] * z[kind]
        return quantiles


Shape = PooledShape | HistoryShape | EventShape
