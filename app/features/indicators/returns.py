"""Returns of a symbol: log returns of the split-adjusted close over several horizons, and their parts."""

from __future__ import annotations

import numpy as np

from app.features.engine.feature import MONTH, Feature, family
from app.features.engine.panel import Panel, cached, sums, sums_of_squares
from app.features.engine.windows import Matrix, highest, lag

CUT = 4.0
"""Values in units of risk are cut here: a fatter tail says no more."""


@cached
def ret(panel: Panel) -> Matrix:
    """Return log(close / close[t-1]); 0 at the symbol's first bar, which has none."""
    return log_ratio(panel.close, lag(panel.close, 1))


@cached
def overnight(panel: Panel) -> Matrix:
    """Return log(open / close[t-1]); 0 at the symbol's first bar."""
    return log_ratio(panel.open, lag(panel.close, 1))


@cached
def intraday(panel: Panel) -> Matrix:
    """Return log(close / open)."""
    return np.log(panel.close / panel.open)


@cached
def absolute(panel: Panel) -> Matrix:
    """Return the size of the log return."""
    return np.abs(ret(panel))


def log_ratio(x: Matrix, y: Matrix) -> Matrix:
    """Return log(x / y), and 0 in the first column, where `y` looks back to nothing."""
    ratio = x / y
    ratio[:, 0] = 1.0
    return np.log(ratio, out=ratio)


def over(x: Matrix, y: Matrix) -> Matrix:
    """Return x / y, and 0 where y isn't positive: a flat stretch has no direction."""
    return x / np.where(y > 0.0, y, np.inf)


def log_return(panel: Panel, window: int) -> Matrix:
    """Return log(close / close[t-window]).

    Window window + 1 bars; unit log return; first valid row `window`.
    """
    return sums(panel, ret).over(window)


@cached
def quarter_risk(panel: Panel) -> Matrix:
    """Return the root mean squared return of the last 66 bars, of those there are."""
    return np.sqrt(sums_of_squares(panel, ret).mean(66, start=1))


def momentum(panel: Panel, window: int) -> Matrix:
    """Return the log return over the window in units of its own risk: over sd66 * sqrt(window), cut at 4.

    Window max(window, 66) + 1 bars; unit standard deviations; first valid row max(window, 22). Scaled as Moskowitz,
    Ooi & Pedersen (2012) do.
    """
    return np.clip(over(log_return(panel, window), quarter_risk(panel) * np.sqrt(window)), -CUT, CUT)


def drawdown(panel: Panel, window: int) -> Matrix:
    """Return log(close / highest close of the window).

    Window `window` bars; unit log return, 0 at a new high; first valid row min(window, 22), over what there is.
    George & Hwang (2004).
    """
    return np.log(panel.close / highest(panel.close, window))


FEATURES = (
    *family("ret_{w}", log_return, (1, 2, 3, 5, 10, 22, 66, 252)),
    Feature("ret_overnight", 2, 1, overnight),
    Feature("ret_intraday", 1, 0, intraday),
    *family("momentum_{w}", momentum, (1, 5, 22, 66, 252), lambda w: max(w, 66) + 1, lambda w: max(w, MONTH)),
    Feature("drawdown_250", 250, MONTH, lambda panel: drawdown(panel, 250)),
)
