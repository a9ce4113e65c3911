"""Technical indicators of the close as their authors define them, in price units, and the features made from them.

Each agrees with TA-Lib to 1e-9 once TA-Lib's seed has died away; where the seeds differ, the docstring says how.
Recursive smoothings have a finite memory here (`windows.smoothed`), and are true means from the first bar on.

The features are shares of the close or of an average (sma_gap, ema_gap, macd, macd_histogram, roc, bollinger_width),
rsi_14 in -0.5..0.5, and bollinger_position in half widths of the band.
"""

from __future__ import annotations

import numpy as np

from app.features.engine.feature import Feature, family
from app.features.engine.panel import Panel, cached, sums, sums_of_squares
from app.features.engine.windows import Matrix, change, lag, memory, smoothed, weighted
from app.features.indicators.returns import over

FAST, SLOW, SIGNAL = 12, 26, 9
WILDER = 14
WILDER_DECAY = 1.0 - 1.0 / WILDER
WILDER_MEMORY = memory(WILDER_DECAY, 1e-10)
"""Bars that a 14-bar Wilder smoothing looks back; ADX smooths twice, so the last digits are cut a little earlier."""


def close(panel: Panel) -> Matrix:
    """Return the close."""
    return panel.close


def sma(panel: Panel, window: int) -> Matrix:
    """Return the simple moving average of the close, over what there is before the first full window.

    Window `window` bars; unit price; first valid row window - 1.
    """
    return sums(panel, close).mean(window)


@cached
def ema(panel: Panel, span: int) -> Matrix:
    """Return the exponential moving average of the close, each weight 1 - 2 / (span + 1) of the next newer one.

    Window `span_memory(span)` bars; unit price; first valid row span - 1. TA-Lib seeds with the mean of the first
    `span` closes.
    """
    return smoothed(panel.close, span_decay(span))


def span_decay(span: int) -> float:
    """Return the factor from one weight to the next older one of an EMA."""
    return 1.0 - 2.0 / (span + 1.0)


def span_memory(span: int) -> int:
    """Return how many bars an EMA looks back."""
    return memory(span_decay(span))


@cached
def macd(panel: Panel) -> Matrix:
    """Return MACD(12, 26): the fast EMA of the close less the slow one.

    Window that of EMA 26; unit price; first valid row 25. Appel (1979).
    """
    return ema(panel, FAST) - ema(panel, SLOW)


@cached
def macd_signal(panel: Panel) -> Matrix:
    """Return the 9-bar EMA of MACD.

    Window those of EMA 26 and EMA 9 together; unit price; first valid row 33. Appel (1979).
    """
    return smoothed(macd(panel), span_decay(SIGNAL))


@cached
def rsi(panel: Panel) -> Matrix:
    """Return Wilder's relative strength index: 100 * U / (U + D), U and D the smoothed gains and losses of 14 bars.

    Window WILDER_MEMORY + 1 bars; unit 0..100, 50 where nothing moved; first valid row 14. Wilder (1978); TA-Lib seeds
    with the simple mean of the first 14 changes, and calls a flat stretch 0.
    """
    moves = change(panel.close)
    gains = weighted(np.maximum(moves, 0.0), WILDER_DECAY, WILDER_MEMORY)
    both = weighted(np.abs(moves), WILDER_DECAY, WILDER_MEMORY)
    return np.where(both > 0.0, 100.0 * gains / np.where(both > 0.0, both, 1.0), 50.0)


def roc(panel: Panel, window: int) -> Matrix:
    """Return the rate of change: 100 * (close / close[t-window] - 1).

    Window window + 1 bars; unit percent; first valid row `window`.
    """
    return 100.0 * (panel.close / lag(panel.close, window) - 1.0)


@cached
def deviation(panel: Panel, window: int) -> Matrix:
    """Return the population standard deviation of the close, 0 where it is lost in rounding.

    Window `window` bars; unit price; first valid row window - 1.
    """
    level = sma(panel, window) ** 2
    variance = sums_of_squares(panel, close).mean(window) - level
    return np.sqrt(np.where(variance > 1e-12 * level, variance, 0.0))


def bollinger_upper(panel: Panel) -> Matrix:
    """Return the upper Bollinger band: SMA(20) + 2 population standard deviations.

    Window 20 bars; unit price; first valid row 19. Bollinger (1992).
    """
    return sma(panel, 20) + 2.0 * deviation(panel, 20)


def bollinger_lower(panel: Panel) -> Matrix:
    """Return the lower Bollinger band: SMA(20) - 2 population standard deviations.

    Window 20 bars; unit price; first valid row 19. Bollinger (1992).
    """
    return sma(panel, 20) - 2.0 * deviation(panel, 20)


FEATURES = (
    *family("sma_gap_{w}", lambda panel, w: panel.close / sma(panel, w) - 1.0, (5, 10, 20, 50, 200), lambda w: w),
    *family("ema_gap_{w}", lambda panel, w: panel.close / ema(panel, w) - 1.0, (FAST, SLOW),
            span_memory, lambda w: w - 1),
    Feature("macd", span_memory(SLOW), SLOW - 1, lambda panel: macd(panel) / panel.close),
    Feature("macd_histogram", span_memory(SLOW) + span_memory(SIGNAL), SLOW + SIGNAL - 2,
            lambda panel: (macd(panel) - macd_signal(panel)) / panel.close),
    Feature("rsi_14", WILDER_MEMORY + 1, WILDER, lambda panel: rsi(panel) / 100.0 - 0.5),
    *family("roc_{w}", lambda panel, w: roc(panel, w) / 100.0, (12, 25)),
    Feature("bollinger_position", 20, 19,
            lambda panel: over(panel.close - sma(panel, 20), 2.0 * deviation(panel, 20))),
    Feature("bollinger_width", 20, 19, lambda panel: 4.0 * deviation(panel, 20) / sma(panel, 20)),
)  # fmt: skip
