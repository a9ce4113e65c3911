"""How much a symbol moves: range- and return-based variance over several horizons, the core of the scale model.

Variances are daily, of log prices; features are half their logarithm, the log of a standard deviation, because
volatility moves by factors. Early rows average over what there is, so that a young symbol has a scale too. Falls raise
volatility more than rises do (Black 1976): fall_1 and rise_1 are the two sides of `shock`.
"""

from __future__ import annotations

import numpy as np

from app.features.engine.feature import MONTH, Feature, family, first_of_mean
from app.features.engine.panel import Panel, cached, sums, sums_of_squares
from app.features.engine.windows import Matrix, memory, smoothed
from app.features.indicators.returns import CUT, absolute, intraday, log_return, overnight, quarter_risk, ret

FLOOR, CAP = 1e-7, 0.0625
"""A day's variance is kept between those of a standard deviation of 0.03 %, a tick, and of 25 %: one wrong or
unadjusted bar can't own a window of 250."""

_LEAST = 1e-6
"""Added to the mean variance of nights or of days: a gap of a tenth of a per cent is none."""

LAMBDA = 0.94
"""RiskMetrics' daily decay (J.P. Morgan 1996)."""


@cached
def spread(panel: Panel) -> Matrix:
    """Return log(high / low)."""
    return np.log(panel.high / panel.low)


@cached
def inside(panel: Panel) -> Matrix:
    """Return the session's own variance: 0.5 log(high/low)^2 - (2 log 2 - 1) log(close/open)^2, at least 0.

    Garman & Klass (1980), for a session without its overnight gap.
    """
    found: Matrix = 0.5 * spread(panel) ** 2 - (2.0 * np.log(2.0) - 1.0) * intraday(panel) ** 2
    np.maximum(found, 0.0, out=found)
    return found


@cached
def variance(panel: Panel) -> Matrix:
    """Return the bar's variance: Garman-Klass within the session plus log(open/close[t-1])^2, in FLOOR .. CAP."""
    both = inside(panel) + overnight(panel) ** 2
    return np.clip(both, FLOOR, CAP, out=both)


@cached
def log_range(panel: Panel) -> Matrix:
    """Return half the logarithm of the bar's variance."""
    return half_log(variance(panel))


def rogers_satchell(panel: Panel) -> Matrix:
    """Return log(high/close) log(high/open) + log(low/close) log(low/open). Rogers & Satchell (1991)."""
    found: Matrix = np.log(panel.high / panel.close) * np.log(panel.high / panel.open)
    found += np.log(panel.low / panel.close) * np.log(panel.low / panel.open)
    return found


def log_sd(squares: Matrix) -> Matrix:
    """Return half the logarithm of a variance, with FLOOR added."""
    return half_log(squares + FLOOR)


def close_to_close(panel: Panel, window: int) -> Matrix:
    """Return the log standard deviation of the log returns about their mean (population).

    Window window + 1 bars; unit log standard deviation; first valid row `window`.
    """
    mean = sums(panel, ret).over(window) / window
    squares = sums_of_squares(panel, ret).over(window) / window - mean * mean
    return log_sd(np.maximum(squares, 0.0))


def parkinson(panel: Panel, window: int) -> Matrix:
    """Return half the log of mean log(high/low)^2 / (4 log 2).

    Window `window` bars; unit log standard deviation; first valid row window - 1. Parkinson (1980).
    """
    return log_sd(sums_of_squares(panel, spread).mean(window) / (4.0 * np.log(2.0)))


def garman_klass(panel: Panel, window: int) -> Matrix:
    """Return half the log of the mean Garman-Klass variance within sessions.

    Window `window` bars; unit log standard deviation; first valid row window - 1. Garman & Klass (1980).
    """
    return log_sd(sums(panel, inside).mean(window))


def yang_zhang(panel: Panel, window: int) -> Matrix:
    """Return half the log of var(overnight) + k var(open to close) + (1 - k) mean Rogers-Satchell.

    k = 0.34 / (1.34 + (n + 1) / (n - 1)), variances about their means over n - 1. Window window + 1 bars; unit log
    standard deviation; first valid row `window`. Yang & Zhang (2000).
    """
    k = 0.34 / (1.34 + (window + 1.0) / (window - 1.0))

    def spread_of(total: Matrix, of_squares: Matrix) -> Matrix:
        return np.maximum(of_squares - total * total / window, 0.0) / (window - 1.0)

    gaps = spread_of(sums(panel, overnight).over(window), sums_of_squares(panel, overnight).over(window))
    days = spread_of(sums(panel, intraday).over(window), sums_of_squares(panel, intraday).over(window))
    inner = np.maximum(sums(panel, rogers_satchell).over(window) / window, 0.0)
    return log_sd(gaps + k * days + (1.0 - k) * inner)


@cached
def range_(panel: Panel, window: int) -> Matrix:
    """Return half the log of the mean variance of the window: the HAR regressor of Corsi (2009), on ranges.

    Window window + 1 bars; unit log standard deviation; first valid row min(window, 22), over what there is.
    """
    return half_log(sums(panel, variance).mean(window))


def half_log(x: Matrix) -> Matrix:
    """Return half the logarithm: of a variance, the log of its standard deviation."""
    logarithm: Matrix = np.log(x)
    return 0.5 * logarithm


def rms_return(panel: Panel, window: int) -> Matrix:
    """Return half the log of the mean squared log return.

    Window window + 1 bars; unit log standard deviation; first valid row min(window, 22), over what there is.
    """
    return log_sd(sums_of_squares(panel, ret).mean(window, start=1))


def abs_return(panel: Panel, window: int) -> Matrix:
    """Return the log of the mean size of the log return, 0.01 % added (to a single day's 0.2 %).

    Window window + 1 bars; unit log return; first valid row min(window, 22), over what there is. Ding, Granger & Engle
    (1993): sizes remember longer than squares.
    """
    floor = 2.1e-3 if window == 1 else 1e-4
    return np.log(sums(panel, absolute).mean(window, start=1) + floor)


def overnight_size(panel: Panel) -> Matrix:
    """Return the log of the overnight gap's size over the quarter's risk.

    Window 67 bars; unit log ratio, 0.1 added before the logarithm; first valid row 22.
    """
    return np.log(np.abs(overnight(panel)) / (quarter_risk(panel) + 1e-4) + 0.1)


def ewma(panel: Panel) -> Matrix:
    """Return half the log of the exponentially weighted mean squared return, decay 0.94.

    Window memory(0.94) + 1 bars; unit log standard deviation; first valid row 22. RiskMetrics (1996).
    """
    return log_sd(smoothed(ret(panel) ** 2, LAMBDA, start=1))


@cached
def shock(panel: Panel) -> Matrix:
    """Return the day's log return in units of the month's risk, cut at 4.

    Window 23 bars; unit standard deviations; first valid row 22, over what there is.
    """
    return np.clip(ret(panel) / np.exp(range_(panel, MONTH)), -CUT, CUT)


def fall(panel: Panel, window: int) -> Matrix:
    """Return the window's fall in units of the quarter's risk: min(log return, 0) / (risk66 sqrt(window)), cut at -4.

    Window max(window, 66) + 1 bars; unit standard deviations; first valid row 22, over what there is.
    """
    risk: Matrix = np.exp(range_(panel, 66)) * np.sqrt(window)
    return np.clip(np.minimum(log_return(panel, window), 0.0) / risk, -CUT, 0.0)


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
    *family("range_{w}", range_, (1, 5, 22, 66, 250), first=first_of_mean),
    *family("range_{w}_by_year", lambda panel, w: range_(panel, w) - range_(panel, 250), (1, 5, 22, 66),
            lambda _: 251, first_of_mean),
    *family("rms_return_{w}", rms_return, (5, 22, 66, 250), first=first_of_mean),
    *family("abs_return_{w}", abs_return, (1, 5, 22, 66, 250), first=first_of_mean),
    Feature("overnight_size", 67, MONTH, overnight_size),
    Feature("ewma_94", memory(LAMBDA) + 1, MONTH, ewma),
    Feature("fall_1", 23, MONTH, lambda panel: np.minimum(shock(panel), 0.0)),
    Feature("rise_1", 23, MONTH, lambda panel: np.maximum(shock(panel), 0.0)),
    *family("fall_{w}", fall, (5, 22, 66), lambda w: max(w, 66) + 1, lambda _: MONTH),
    *family("close_to_close_{w}", close_to_close, (22,)),
    *family("parkinson_{w}", parkinson, (22,), lambda w: w),
    *family("garman_klass_{w}", garman_klass, (22,), lambda w: w),
    *family("yang_zhang_{w}", yang_zhang, (22,)),
    Feature("range_slope", 67, MONTH, lambda panel: range_(panel, 5) - range_(panel, 66)),
    *family("overnight_risk_{w}", overnight_risk, (5, 22, 66, 250), first=first_of_mean),
    *family("inside_risk_{w}", inside_risk, (1, 5, 22, 66, 250), first=first_of_mean),
)  # fmt: skip
