"""Volume: how busy a session was against the symbol's own past."""

from __future__ import annotations

import numpy as np

from app.features.feature import MONTH, Feature
from app.features.panel import Panel, series, sums
from app.features.windows import Matrix, lag

CUT = 3.0


@series
def log_volume(panel: Panel) -> Matrix:
    """Return the log of the volume; a session without trades counts as one share."""
    return np.log(np.maximum(panel.volume, 1.0))


@series
def surprise(panel: Panel) -> Matrix:
    """Return the log volume less its mean over the 66 bars before, cut at 3.

    Window 67 bars; unit log ratio; first valid row 22, over what there is.
    """
    before = lag(sums(panel, log_volume).mean(66), 1)
    before[:, 0] = log_volume(panel)[:, 0]
    return np.clip(log_volume(panel) - before, -CUT, CUT)


def trend(panel: Panel, short: int, long: int) -> Matrix:
    """Return the mean log volume over a short window less that over a long one, cut at 3.

    Window `long` bars; unit log ratio; first valid row 22, over what there is.
    """
    volumes = sums(panel, log_volume)
    return np.clip(volumes.mean(short) - volumes.mean(long), -CUT, CUT)


FEATURES = (
    Feature("volume_surprise", "log volume - its mean over the 66 bars before", 67, MONTH, "log ratio", "", "volume",
            surprise),
    Feature("volume_trend_5", "mean log volume over 5 - over 66", 66, MONTH, "log ratio", "", "volume",
            lambda panel: trend(panel, 5, 66)),
    Feature("volume_trend_22", "mean log volume over 22 - over 250", 250, MONTH, "log ratio", "", "volume",
            lambda panel: trend(panel, 22, 250)),
)  # fmt: skip
