"""The night and the day apart: how much of a symbol's risk lies in its gaps, and how much within its sessions."""

from __future__ import annotations

import numpy as np

from app.features.engine.feature import Family, first_of_mean
from app.features.engine.panel import Panel, sums
from app.features.engine.windows import Matrix
from app.features.indicators.returns import overnight
from app.features.indicators.volatility import inside

_LEAST = 1e-6
"""Added to a mean variance: a gap of a tenth of a per cent is none."""


def overnight_risk(panel: Panel, window: int) -> Matrix:
    """Return half the log of the mean squared overnight gap.

    Window window + 1 bars; unit log standard deviation; first valid row min(window, 22), over what there is.
    """
    return _half_log(sums(panel, _squared_gap).mean(window))


def inside_risk(panel: Panel, window: int) -> Matrix:
    """Return half the log of the mean Garman-Klass variance within sessions.

    Window `window` bars; unit log standard deviation; first valid row min(window, 22), over what there is.
    """
    return _half_log(sums(panel, inside).mean(window))


def _squared_gap(panel: Panel) -> Matrix:
    return overnight(panel) ** 2


def _half_log(x: Matrix) -> Matrix:
    logarithm: Matrix = np.log(x + _LEAST)
    return 0.5 * logarithm


_SD = "log standard deviation"

FEATURES = (
    *Family("overnight_risk_{w}", "0.5 log mean over {w} of log(open/close[t-1])^2, 1e-6 added", _SD, "", "scale",
            overnight_risk, first=first_of_mean).over(5, 22, 66, 250),
    *Family("inside_risk_{w}", "0.5 log mean over {w} of Garman-Klass, 1e-6 added", _SD, "Garman & Klass 1980",
            "scale", inside_risk, first=first_of_mean).over(1, 5, 22, 66, 250),
)  # fmt: skip
