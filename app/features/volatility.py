"""How much a symbol moves: range- and return-based variance over several horizons, the regressors of the scale model.

Variances are daily, of log prices; features are half their logarithm, the log of a standard deviation, because
volatility moves by factors. Early rows average over what there is, so that a young symbol has a scale too.
"""

from __future__ import annotations

import numpy as np

from app.features.panel import Panel, series, sums
from app.features.returns import intraday, overnight, ret, squared
from app.features.windows import Matrix, smoothed

FLOOR = 1e-7
"""Added to every variance before its logarithm: a standard deviation of 0.03 % a day, the least that a tick allows."""

LAMBDA = 0.94
"""RiskMetrics' daily decay (J.P. Morgan 1996)."""


@series
def spread(panel: Panel) -> Matrix:
    """Return log(high / low)."""
    return np.log(panel.high / panel.low)


@series
def garman_klass(panel: Panel) -> Matrix:
    """Return the bar's Garman-Klass variance with the overnight gap.

    0.5 log(high/low)^2 - (2 log 2 - 1) log(close/open)^2 + log(open/close[t-1])^2, the first two together at least 0.
    Garman & Klass (1980).
    """
    inside = 0.5 * spread(panel) ** 2 - (2.0 * np.log(2.0) - 1.0) * intraday(panel) ** 2
    gap: Matrix = overnight(panel) ** 2
    variance: Matrix = np.maximum(inside, 0.0) + gap
    return variance


def log_sd(variance: Matrix) -> Matrix:
    """Return half the logarithm of a variance, floored."""
    logarithm: Matrix = np.log(variance + FLOOR)
    return 0.5 * logarithm


def range_scale(panel: Panel, window: int) -> Matrix:
    """Return half the log of the mean Garman-Klass variance with gaps: the HAR regressor of Corsi (2009).

    Window window + 1 bars; unit log standard deviation; first valid row min(window, 22) - mean over what there is.
    """
    return log_sd(sums(panel, garman_klass).mean(window))


def return_scale(panel: Panel, window: int) -> Matrix:
    """Return half the log of the mean squared log return.

    Window window + 1 bars; unit log standard deviation; first valid row min(window, 22).
    """
    return log_sd(sums(panel, squared).mean(window, start=1))


def ewma_scale(panel: Panel) -> Matrix:
    """Return half the log of the exponentially weighted mean squared return, decay 0.94.

    Window memory(0.94) + 1 bars; unit log standard deviation; first valid row 22. RiskMetrics (1996).
    """
    return log_sd(smoothed(squared(panel), LAMBDA, start=1))


def leverage(panel: Panel) -> Matrix:
    """Return the day's fall in units of the month's risk: min(ret, 0) / sd[22], cut at -4.

    Window 23 bars; unit standard deviations; first valid row 22. Black (1976): falls raise volatility more than rises.
    """
    return np.clip(np.minimum(ret(panel), 0.0) / np.sqrt(sums(panel, garman_klass).mean(22) + FLOOR), -4.0, 0.0)
