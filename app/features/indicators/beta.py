"""A symbol against the market: its excess, its sensitivity, and what it did beyond that."""

from __future__ import annotations

import numpy as np

from app.features.engine.feature import MONTH, Feature, family, first_of_mean
from app.features.engine.panel import Panel, cached, sums, sums_of_squares
from app.features.engine.windows import Matrix, counts
from app.features.indicators.returns import CUT, log_return, over, ret
from app.features.indicators.volatility import log_sd, range_

LONG = 250
PRIOR = 60.0
"""Bars that the belief in a beta of one is worth."""
_LEAST = 1e-10
"""A variance below this is a market that doesn't move."""


@cached
def market_ret(panel: Panel) -> Matrix:
    """Return the market's mean log return, known for every bar; 0 at the first bar, as the symbol's own."""
    found: Matrix = panel.by_session("market_ret_1").copy()
    found[:, 0] = 0.0
    return found


@cached
def excess(panel: Panel) -> Matrix:
    """Return the day's log return less the market's mean.

    Window 2 bars; unit log return; first valid row 1.
    """
    return ret(panel) - market_ret(panel)


def _product(panel: Panel) -> Matrix:
    return ret(panel) * market_ret(panel)


def excess_return(panel: Panel, window: int) -> Matrix:
    """Return the sum of excess returns over the window.

    Window window + 1 bars; unit log return; first valid row `window`.
    """
    return sums(panel, excess).over(window)


@cached
def beta(panel: Panel, window: int) -> Matrix:
    """Return the slope of the symbol's log return on the market's over the window; 1 where the market stood still.

    Window window + 1 bars; unit ratio; first valid row `window`. Sharpe (1964).
    """
    mean = sums(panel, market_ret).over(window) / window
    variance = sums_of_squares(panel, market_ret).over(window) / window - mean * mean
    own = sums(panel, ret).over(window) / window
    covariance = sums(panel, _product).over(window) / window - own * mean
    moves = variance > _LEAST
    return np.where(moves, covariance / np.where(moves, variance, 1.0), 1.0)


@cached
def shrunk_beta(panel: Panel) -> Matrix:
    """Return the slope through the origin over 250 bars, shrunk to one as if by 60 bars of it, within 0.2 .. 2.5.

    Window 251 bars; unit ratio; first valid row 22, over what there is. Vasicek (1973).
    """
    rows = counts(panel.close.shape[1], LONG)
    product = sums(panel, _product).over(LONG) / rows
    square = sums_of_squares(panel, market_ret).over(LONG) / rows + 1e-9
    return np.clip((product * rows + PRIOR * square) / (square * (rows + PRIOR)), 0.2, 2.5)


def reversal(panel: Panel) -> Matrix:
    """Return the market's return of the session times the symbol's shrunk beta, cut at 4 of its own risks.

    Window 251 bars; unit log return; first valid row 22, over what there is. Baltussen, van Bekkum & Da (2019): index
    returns have turned to follow each other with the opposite sign.
    """
    cap = CUT * np.exp(range_(panel, 66))
    return np.clip(shrunk_beta(panel) * market_ret(panel), -cap, cap)


def residual_momentum(panel: Panel, window: int) -> Matrix:
    """Return what the symbol made beyond beta times the market, in units of its own residual risk, cut at 4.

    (sum ret - beta250 sum market) / (residual sd250 * sqrt(window)). Window 251 bars; unit standard deviations; first
    valid row 250. Blitz, Huij & Martens (2011).
    """
    slope = beta(panel, LONG)
    beyond = log_return(panel, window) - slope * sums(panel, market_ret).over(window)
    return np.clip(over(beyond, residual_risk(panel) * np.sqrt(window)), -CUT, CUT)


@cached
def residual_risk(panel: Panel) -> Matrix:
    """Return the standard deviation of ret - beta250 * market_ret_1 over 250 bars, about 0."""
    slope = beta(panel, LONG)
    squares = sums_of_squares(panel, ret).over(LONG) - 2.0 * slope * sums(panel, _product).over(LONG)
    squares += slope * slope * sums_of_squares(panel, market_ret).over(LONG)
    return np.sqrt(np.maximum(squares, 0.0) / LONG)


def excess_rms(panel: Panel, window: int) -> Matrix:
    """Return half the log of the mean squared excess return.

    Window window + 1 bars; unit log standard deviation; first valid row min(window, 22), over what there is.
    """
    return log_sd(sums_of_squares(panel, excess).mean(window, start=1))


FEATURES = (
    Feature("excess", 2, 1, excess),
    *family("excess_{w}", excess_return, (5, 22)),
    *family("beta_{w}", beta, (66, LONG)),
    Feature("beta_shrunk", LONG + 1, MONTH, shrunk_beta),
    Feature("reversal", LONG + 1, MONTH, reversal),
    *family("residual_momentum_{w}", residual_momentum, (1, 5, 22, 66, 250), lambda _: LONG + 1),
    *family("excess_rms_{w}", excess_rms, (5, 22, 66), first=first_of_mean),
)
