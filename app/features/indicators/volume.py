"""Volume: how busy a session was against the symbol's own past."""

from __future__ import annotations

import numpy as np

from app.features.engine.feature import MONTH, Feature
from app.features.engine.panel import Panel, cached, sums
from app.features.engine.windows import Matrix, lag

CUT = 2.0


@cached
def log_volume(panel: Panel) -> Matrix:
    """Return the log of the volume; a session without trades repeats the one before."""
    traded = np.log(np.maximum(panel.volume, 1.0))
    return np.where(panel.volume > 0.0, traded, lag(traded, 1, 0.0))


@cached
def surprise(panel: Panel) -> Matrix:
    """Return the log volume less its mean over the 66 bars before; 0 on a symbol's first five bars."""
    found: Matrix = log_volume(panel) - lag(sums(panel, log_volume).mean(66), 1, 0.0)
    found[:, :5] = 0.0
    return found


def volume_1(panel: Panel) -> Matrix:
    """Return the volume surprise, cut at 2.

    Window 67 bars; unit log ratio; first valid row 22, over what there is.
    """
    return np.clip(surprise(panel), -CUT, CUT)


def trend(panel: Panel, short: int, long: int) -> Matrix:
    """Return the mean log volume over a short window less that over a long one, cut at 2.

    Window long + 1 bars; unit log ratio; first valid row 22, over what there is.
    """
    volumes = sums(panel, log_volume)
    return np.clip(volumes.mean(short) - volumes.mean(long), -CUT, CUT)


FEATURES = (
    Feature("volume_1", 68, MONTH, volume_1),
    Feature("volume_5", 67, MONTH, lambda panel: trend(panel, 5, 66)),
    Feature("volume_22", 251, MONTH, lambda panel: trend(panel, 22, 250)),
)
