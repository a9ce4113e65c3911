"""Returns of a symbol: log returns of the split-adjusted close over several horizons, and their parts."""

from __future__ import annotations

import numpy as np

from app.features.panel import Panel, series, sums
from app.features.windows import Matrix, lag


@series
def ret(panel: Panel) -> Matrix:
    """Return log(close / close[t-1]); 0 at the symbol's first bar, which has none."""
    return log_ratio(panel.close, lag(panel.close, 1))


@series
def overnight(panel: Panel) -> Matrix:
    """Return log(open / close[t-1]); 0 at the symbol's first bar."""
    return log_ratio(panel.open, lag(panel.close, 1))


@series
def intraday(panel: Panel) -> Matrix:
    """Return log(close / open)."""
    return np.log(panel.close / panel.open)


@series
def squared(panel: Panel) -> Matrix:
    """Return the squared log return."""
    return ret(panel) ** 2


@series
def absolute(panel: Panel) -> Matrix:
    """Return the size of the log return."""
    return np.abs(ret(panel))


def log_ratio(x: Matrix, y: Matrix) -> Matrix:
    """Return log(x / y), and 0 in the first column, where `y` looks back to nothing."""
    ratio = x / y
    ratio[:, 0] = 1.0
    return np.log(ratio, out=ratio)


def log_return(panel: Panel, window: int) -> Matrix:
    """Return log(close / close[t-window]).

    Window window + 1 bars; unit log return; first valid row `window`.
    """
    return sums(panel, ret).over(window)


def momentum(panel: Panel, window: int) -> Matrix:
    """Return the log return over the window in units of its own risk: over sd[66] * sqrt(window), cut at 4.

    Window max(window, 66) + 1 bars; unit standard deviations; first valid row max(window, 22). Moskowitz, Ooi &
    Pedersen (2012) scale by volatility in the same way.
    """
    risk = np.sqrt(sums(panel, squared).mean(66, start=1) * window)
    return np.clip(over(log_return(panel, window), risk), -4.0, 4.0)


def over(x: Matrix, y: Matrix) -> Matrix:
    """Return x / y, and 0 where y isn't positive: a flat stretch has no direction."""
    return x / np.where(y > 0.0, y, np.inf)
