"""Volume: how busy a session was against the symbol's own past."""

from __future__ import annotations

import numpy as np

from app.features.panel import Panel, series, sums
from app.features.windows import Matrix, lag


@series
def log_volume(panel: Panel) -> Matrix:
    """Return the log of the volume; a session without trades counts as one share."""
    return np.log(np.maximum(panel.volume, 1.0))


@series
def surprise(panel: Panel) -> Matrix:
    """Return the log volume less its mean over the 66 sessions before, cut at 3.

    Window 67 bars; unit log ratio; first valid row 22 (mean over what there is).
    """
    before = lag(sums(panel, log_volume).mean(66), 1)
    before[:, 0] = log_volume(panel)[:, 0]
    return np.clip(log_volume(panel) - before, -3.0, 3.0)


def trend(panel: Panel, short: int, long: int) -> Matrix:
    """Return the mean log volume over a short window less that over a long one, cut at 3.

    Window `long` bars; unit log ratio; first valid row 22 or long - 1 when that is less.
    """
    volumes = sums(panel, log_volume)
    return np.clip(volumes.mean(short) - volumes.mean(long), -3.0, 3.0)
