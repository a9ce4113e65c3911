"""How much a symbol moves: range- and return-based variance over several horizons, the core of the scale model.

Variances are daily, of log prices; features are half their logarithm, the log of a standard deviation, because
volatility moves by factors. Early rows average over what there is, so that a young symbol has a scale too.
"""

from __future__ import annotations

import numpy as np

from app.features.feature import MONTH, Family, Feature, month
from app.features.panel import Panel, series, sums
from app.features.returns import CUT, absolute, intraday, log_return, overnight, quarter_risk, ret, squared
from app.features.windows import Matrix, memory, smoothed

FLOOR = 1e-7
"""Added to every variance before its logarithm: a standard deviation of 0.03 % a day, the least that a tick allows."""

LAMBDA = 0.94
"""RiskMetrics' daily decay (J.P. Morgan 1996)."""


@series
def spread(panel: Panel) -> Matrix:
    """Return log(high / low)."""
    return np.log(panel.high / panel.low)


@series
def squared_spread(panel: Panel) -> Matrix:
    """Return log(high / low)^2."""
    return spread(panel) ** 2


@series
def inside(panel: Panel) -> Matrix:
    """Return the session's own variance: 0.5 log(high/low)^2 - (2 log 2 - 1) log(close/open)^2, at least 0.

    Garman & Klass (1980), for a session without its overnight gap.
    """
    variance: Matrix = 0.5 * squared_spread(panel) - (2.0 * np.log(2.0) - 1.0) * intraday(panel) ** 2
    np.maximum(variance, 0.0, out=variance)
    return variance


@series
def garman_klass(panel: Panel) -> Matrix:
    """Return the bar's Garman-Klass variance with the overnight gap, log(open/close[t-1])^2, added."""
    gap: Matrix = overnight(panel) ** 2
    return inside(panel) + gap


@series
def log_garman_klass(panel: Panel) -> Matrix:
    """Return half the logarithm of the bar's variance."""
    return log_sd(garman_klass(panel))


@series
def rogers_satchell(panel: Panel) -> Matrix:
    """Return log(high/close) log(high/open) + log(low/close) log(low/open). Rogers & Satchell (1991)."""
    variance: Matrix = np.log(panel.high / panel.close) * np.log(panel.high / panel.open)
    variance += np.log(panel.low / panel.close) * np.log(panel.low / panel.open)
    return variance


@series
def _squared_overnight(panel: Panel) -> Matrix:
    return overnight(panel) ** 2


@series
def _squared_intraday(panel: Panel) -> Matrix:
    return intraday(panel) ** 2


def log_sd(variance: Matrix) -> Matrix:
    """Return half the logarithm of a variance, floored."""
    logarithm: Matrix = np.log(variance + FLOOR)
    return 0.5 * logarithm


def close_to_close(panel: Panel, window: int) -> Matrix:
    """Return the log standard deviation of the log returns about their mean (population).

    Window window + 1 bars; unit log standard deviation; first valid row `window`.
    """
    mean = sums(panel, ret).over(window) / window
    variance = sums(panel, squared).over(window) / window - mean * mean
    return log_sd(np.maximum(variance, 0.0))


def parkinson(panel: Panel, window: int) -> Matrix:
    """Return half the log of mean log(high/low)^2 / (4 log 2).

    Window `window` bars; unit log standard deviation; first valid row window - 1. Parkinson (1980).
    """
    return log_sd(sums(panel, squared_spread).mean(window) / (4.0 * np.log(2.0)))


def garman_klass_inside(panel: Panel, window: int) -> Matrix:
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

    def variance(total: Matrix, of_squares: Matrix) -> Matrix:
        return np.maximum(of_squares - total * total / window, 0.0) / (window - 1.0)

    gaps = variance(sums(panel, overnight).over(window), sums(panel, _squared_overnight).over(window))
    days = variance(sums(panel, intraday).over(window), sums(panel, _squared_intraday).over(window))
    inner = np.maximum(sums(panel, rogers_satchell).over(window) / window, 0.0)
    return log_sd(gaps + k * days + (1.0 - k) * inner)


def range_scale(panel: Panel, window: int) -> Matrix:
    """Return half the log of the mean Garman-Klass variance with gaps: the HAR regressor of Corsi (2009).

    Window window + 1 bars; unit log standard deviation; first valid row min(window, 22), over what there is.
    """
    return panel.keep(f"range scale {window}", lambda: log_sd(sums(panel, garman_klass).mean(window)))


def typical_scale(panel: Panel, window: int) -> Matrix:
    """Return the mean log standard deviation of single bars: what the scale is without its spikes.

    Window window + 1 bars; unit log standard deviation; first valid row min(window, 22), over what there is.
    """
    return sums(panel, log_garman_klass).mean(window)


def return_scale(panel: Panel, window: int) -> Matrix:
    """Return half the log of the mean squared log return.

    Window window + 1 bars; unit log standard deviation; first valid row min(window, 22), over what there is.
    """
    return log_sd(sums(panel, squared).mean(window, start=1))


def absolute_scale(panel: Panel, window: int) -> Matrix:
    """Return the log of the mean size of the log return, floored at 0.01 % (a single day's at 0.2 %).

    Window window + 1 bars; unit log return; first valid row min(window, 22). Ding, Granger & Engle (1993): sizes
    remember longer than squares.
    """
    floor = 2.1e-3 if window == 1 else 1e-4
    return np.log(sums(panel, absolute).mean(window, start=1) + floor)


def gap_scale(panel: Panel) -> Matrix:
    """Return the log of the overnight gap's size over the quarter's risk.

    Window 67 bars; unit log ratio, floored at 0.1; first valid row 22.
    """
    return np.log(np.abs(overnight(panel)) / (quarter_risk(panel) + 1e-4) + 0.1)


def ewma_scale(panel: Panel) -> Matrix:
    """Return half the log of the exponentially weighted mean squared return, decay 0.94.

    Window memory(0.94) + 1 bars; unit log standard deviation; first valid row 22. RiskMetrics (1996).
    """
    return log_sd(smoothed(squared(panel), LAMBDA, start=1))


@series
def _shock(panel: Panel) -> Matrix:
    """Return the day's return in units of the month's risk, cut at 4."""
    return np.clip(ret(panel) / np.sqrt(sums(panel, garman_klass).mean(MONTH) + FLOOR), -CUT, CUT)


def leverage(panel: Panel) -> Matrix:
    """Return the day's fall in units of the month's risk: min(ret, 0) / sd22, cut at -4.

    Window 23 bars; unit standard deviations; first valid row 22. Black (1976): falls raise volatility more than rises.
    """
    return np.minimum(_shock(panel), 0.0)


def lift(panel: Panel) -> Matrix:
    """Return the day's rise in units of the month's risk: max(ret, 0) / sd22, cut at 4.

    Window 23 bars; unit standard deviations; first valid row 22.
    """
    return np.maximum(_shock(panel), 0.0)


def slump(panel: Panel, window: int) -> Matrix:
    """Return the window's fall in units of the quarter's risk: min(log return, 0) / (sd66 sqrt(window)), cut at -4.

    Window max(window, 66) + 1 bars; unit standard deviations; first valid row 22, over what there is.
    """
    risk: Matrix = np.exp(range_scale(panel, 66)) * np.sqrt(window)
    return np.clip(np.minimum(log_return(panel, window), 0.0) / risk, -CUT, 0.0)


_SD = "log standard deviation"
_HAR = "Garman & Klass 1980; Corsi 2009"
_BLACK = "Black 1976"

FEATURES = (
    *Family("range_scale_{w}", "0.5 log mean over {w} of (Garman-Klass + log(open/close[t-1])^2)", _SD, _HAR, "scale",
            range_scale, first=month).over(1, 2, 5, 10, 22, 66, 250),
    *Family("typical_scale_{w}", "mean over {w} of range_scale_1", _SD, _HAR, "scale", typical_scale,
            first=month).over(5, 22, 66),
    *Family("return_scale_{w}", "0.5 log mean over {w} of ret^2", _SD, "Corsi 2009", "scale", return_scale,
            first=month).over(5, 22, 66, 250),
    *Family("absolute_scale_{w}", "log mean over {w} of |ret|", "log return", "Ding, Granger & Engle 1993", "scale",
            absolute_scale, first=month).over(1, 5, 22, 66, 250),
    Feature("gap_scale", "log(|log(open/close[t-1])| / sd66 + 0.1)", 67, MONTH, "log ratio", "", "scale", gap_scale),
    Feature("ewma_scale", "0.5 log EWMA(0.94) of ret^2", memory(LAMBDA) + 1, MONTH, _SD, "RiskMetrics 1996", "scale",
            ewma_scale),
    Feature("leverage", "min(ret, 0) / sd22, cut at -4", 23, MONTH, "standard deviations", _BLACK, "scale", leverage),
    Feature("lift", "max(ret, 0) / sd22, cut at 4", 23, MONTH, "standard deviations", _BLACK, "scale", lift),
    *Family("slump_{w}", "min(log(close/close[t-{w}]), 0) / (sd66 sqrt({w})), cut at -4", "standard deviations",
            _BLACK, "scale", slump, window=lambda w: max(w, 66) + 1, first=lambda _: MONTH).over(5, 22, 66),
    *Family("close_to_close_{w}", "log population sd of ret over {w}", _SD, "", "volatility", close_to_close).over(22),
    *Family("parkinson_{w}", "0.5 log mean over {w} of log(high/low)^2 / (4 log 2)", _SD, "Parkinson 1980",
            "volatility", parkinson, window=lambda w: w, first=lambda w: w - 1).over(22),
    *Family("garman_klass_{w}", "0.5 log mean over {w} of Garman-Klass", _SD, "Garman & Klass 1980", "volatility",
            garman_klass_inside, window=lambda w: w, first=lambda w: w - 1).over(22),
    *Family("yang_zhang_{w}", "0.5 log (var overnight + k var open-close + (1-k) Rogers-Satchell), {w} bars", _SD,
            "Yang & Zhang 2000", "volatility", yang_zhang).over(22),
    Feature("scale_slope", "range_scale_5 - range_scale_66", 67, MONTH, "log ratio", "", "volatility",
            lambda panel: range_scale(panel, 5) - range_scale(panel, 66)),
)  # fmt: skip
