"""The night and the day apart: how much of a symbol's risk lies in its gaps, and how much within its sessions."""

from __future__ import annotations

from app.features.engine.feature import family, first_of_mean
from app.features.engine.panel import Panel, sums, sums_of_squares
from app.features.engine.windows import Matrix
from app.features.indicators.returns import overnight
from app.features.indicators.volatility import half_log, inside

_LEAST = 1e-6
"""Added to a mean variance: a gap of a tenth of a per cent is none."""


def overnight_risk(panel: Panel, window: int) -> Matrix:
    """Return half the log of the mean squared overnight gap.

    Window window + 1 bars; unit log standard deviation; first valid row min(window, 22), over what there is.
    """
    return half_log(sums_of_squares(panel, overnight).mean(window) + _LEAST)


def inside_risk(panel: Panel, window: int) -> Matrix:
    """Return half the log of the mean Garman-Klass variance within sessions.

    Window `window` bars; unit log standard deviation; first valid row min(window, 22), over what there is.
    Garman & Klass (1980).
    """
    return half_log(sums(panel, inside).mean(window) + _LEAST)


FEATURES = (
    *family("overnight_risk_{w}", overnight_risk, (5, 22, 66, 250), first=first_of_mean),
    *family("inside_risk_{w}", inside_risk, (1, 5, 22, 66, 250), first=first_of_mean),
)
