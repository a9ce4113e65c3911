"""Technical indicators as their authors define them, in units of price: what charts draw and features are made from.

Each agrees with TA-Lib to 1e-9 once TA-Lib's seed has died away; where the seeds differ, the docstring says how.
Recursive smoothings have a finite memory here (`windows.smoothed`), which is a mean from the first bar on.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from app.features.panel import Panel, columns, compute, series
from app.features.windows import Matrix, Sums, change, lag, memory, smoothed, weighted

FAST, SLOW, SIGNAL = 12, 26, 9
WILDER = 14
_ADX_PRECISION = 1e-10


def sma(panel: Panel, window: int) -> Matrix:
    """Return the simple moving average of the close.

    Window `window` bars; unit price; first valid row window - 1.
    """
    return _close_sums(panel).mean(window)


def ema(panel: Panel, span: int) -> Matrix:
    """Return the exponential moving average of the close, weights falling by 1 - 2 / (span + 1).

    Window `span_memory(span)` bars; unit price; first valid row span - 1. TA-Lib seeds with the mean of the first
    `span` closes.
    """
    key = f"ema {span}"
    if key not in panel.kept:
        panel.kept[key] = smoothed(panel.close, span_decay(span))
    kept: Matrix = panel.kept[key]
    return kept


def span_decay(span: int) -> float:
    """Return the factor from one weight to the next older one of an EMA."""
    return 1.0 - 2.0 / (span + 1.0)


def span_memory(span: int) -> int:
    """Return how many bars an EMA looks back."""
    return memory(span_decay(span))


@series
def macd(panel: Panel) -> Matrix:
    """Return MACD(12, 26): the fast EMA of the close less the slow one.

    Window that of EMA 26; unit price; first valid row 25. Appel (1979).
    """
    return ema(panel, FAST) - ema(panel, SLOW)


@series
def macd_signal(panel: Panel) -> Matrix:
    """Return the 9-bar EMA of MACD.

    Window those of EMA 26 and EMA 9 together; unit price; first valid row 33. Appel (1979).
    """
    return smoothed(macd(panel), span_decay(SIGNAL))


def rsi(panel: Panel, window: int = WILDER) -> Matrix:
    """Return Wilder's relative strength index: 100 * U / (U + D), U and D the smoothed gains and losses.

    Window memory(1 - 1/window) + 1 bars; unit 0..100, 50 where nothing moved; first valid row `window`. Wilder (1978);
    TA-Lib seeds with the simple mean of the first `window` changes, and calls a flat stretch 0.
    """
    moves = change(panel.close)
    decay = 1.0 - 1.0 / window
    gains = weighted(np.maximum(moves, 0.0), decay, memory(decay))
    losses = weighted(np.maximum(-moves, 0.0), decay, memory(decay))
    both = gains + losses
    return np.where(both > 0.0, 100.0 * gains / np.where(both > 0.0, both, 1.0), 50.0)


@series
def true_range(panel: Panel) -> Matrix:
    """Return max(high, close[t-1]) - min(low, close[t-1]); 0 at the first bar. Wilder (1978)."""
    before = lag(panel.close, 1)
    out = np.maximum(panel.high, before) - np.minimum(panel.low, before)
    out[:, 0] = 0.0
    return out


@series
def atr(panel: Panel) -> Matrix:
    """Return the average true range, Wilder's smoothing over 14 bars.

    Window memory(13/14) + 1 bars; unit price; first valid row 14. Wilder (1978).
    """
    return smoothed(true_range(panel), 1.0 - 1.0 / WILDER, start=1)


def _close_sums(panel: Panel) -> Sums:
    if "closes" not in panel.kept:
        panel.kept["closes"] = Sums(panel.close)
    kept: Sums = panel.kept["closes"]
    return kept


def deviation(panel: Panel, window: int) -> Matrix:
    """Return the population standard deviation of the close, 0 where it is lost in rounding.

    Window `window` bars; unit price; first valid row window - 1.
    """
    if "squared closes" not in panel.kept:
        panel.kept["squared closes"] = Sums(panel.close**2)
    level = sma(panel, window)
    variance = panel.kept["squared closes"].mean(window) - level**2
    return np.sqrt(np.where(variance > 1e-12 * level**2, variance, 0.0))


def overlay(bars: pl.DataFrame) -> pl.DataFrame:
    """Return the chart's indicators for a bar frame, beside symbol and session, sorted by both, one row per bar.

    Columns (Float64, null before each one's first valid row): sma_20, sma_50, sma_200, ema_12, ema_26,
    bollinger_upper, bollinger_lower (price); rsi_14 (0..100); macd, macd_signal, macd_histogram, atr_14 (price).
    """
    source = columns(bars)
    values = compute(source, {name: function for name, (_, function) in _OVERLAY.items()}, {})
    age = pl.int_range(pl.len()).over("symbol")
    return (
        source.frame.select("symbol", "session")
        .with_columns(pl.Series(name, column) for name, column in values.items())
        .with_columns(pl.when(age >= first).then(pl.col(name)) for name, (first, _) in _OVERLAY.items())
    )


_OVERLAY = {
    "sma_20": (19, lambda panel: sma(panel, 20)),
    "sma_50": (49, lambda panel: sma(panel, 50)),
    "sma_200": (199, lambda panel: sma(panel, 200)),
    "ema_12": (11, lambda panel: ema(panel, 12)),
    "ema_26": (25, lambda panel: ema(panel, 26)),
    "bollinger_upper": (19, lambda panel: sma(panel, 20) + 2.0 * deviation(panel, 20)),
    "bollinger_lower": (19, lambda panel: sma(panel, 20) - 2.0 * deviation(panel, 20)),
    "rsi_14": (14, rsi),
    "macd": (25, macd),
    "macd_signal": (33, macd_signal),
    "macd_histogram": (33, lambda panel: macd(panel) - macd_signal(panel)),
    "atr_14": (14, atr),
}
