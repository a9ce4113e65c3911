"""A symbol's own recent returns: the distribution that the random walk is judged by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from app.registry.components.component import Component
from app.registry.components.levels import LEVELS
from app.registry.components.panel import Array, Panel

WINDOW = 250
_CHUNK = 4096
_LOW, _HIGH, _NORMAL_WIDTH = 2, 18, 2.5631031310892
"""Where the 10 % and 90 % quantiles stand, and how many sigmas lie between them in a normal distribution."""


@dataclass(frozen=True)
class WindowedComponent(Component):
    """What reads the symbol's last `window` log returns, and no other column."""

    features: ClassVar[tuple[str, ...]] = ()
    window: int = WINDOW

    @property
    def lookback(self) -> int:
        """The window's returns need one close more."""
        return self.window


def history_quantiles(panel: Panel, window: int = WINDOW) -> Array:
    """Return the quantiles of the symbol's last `window` log returns, (rows, 21); NaN before the window is full.

    Linear interpolation between order statistics, Hyndman & Fan's type 7, as numpy's default.
    """
    return panel.once(("history", window), lambda: _quantiles(panel, window))


def history_mean(panel: Panel, window: int = WINDOW) -> Array:
    """Return the mean of the symbol's last `window` log returns; NaN before the window is full."""

    def compute() -> Array:
        log_close = np.log(panel.close)
        return (log_close - panel.lagged(log_close, window, np.nan)) / window

    return panel.once(("mean", window), compute)


def history_sigma(panel: Panel, window: int = WINDOW) -> Array:
    """Return the width of the history's 80 % band in normal standard deviations."""
    table = history_quantiles(panel, window)
    return np.maximum((table[:, _HIGH] - table[:, _LOW]) / _NORMAL_WIDTH, 1e-6)


def _quantiles(panel: Panel, window: int) -> Array:
    out = np.full((len(panel), len(LEVELS)), np.nan)
    full = np.flatnonzero(panel.row >= window)
    if not len(full):
        return out
    views = np.lib.stride_tricks.sliding_window_view(panel.realised, window)
    for begin in range(0, len(full), _CHUNK):
        rows = full[begin : begin + _CHUNK]
        out[rows] = sorted_quantiles(np.sort(views[rows - window + 1], axis=1))
    return out


def sorted_quantiles(ordered: Array) -> Array:
    """Return the quantiles at `LEVELS` of each ascending row."""
    place = np.array(LEVELS) * (ordered.shape[-1] - 1)
    below = np.floor(place).astype(np.intp)
    above = np.minimum(below + 1, ordered.shape[-1] - 1)
    part = place - below
    low, high = ordered[..., below], ordered[..., above]
    quantiles: Array = np.where(part < 0.5, low + (high - low) * part, high - (high - low) * (1.0 - part))  # noqa: PLR2004
    return np.maximum.accumulate(quantiles, axis=-1)
