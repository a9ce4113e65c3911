"""Technical indicators as their authors define them, in units of price: what charts draw and features are made from."""

from __future__ import annotations

import polars as pl


def overlay(bars: pl.DataFrame) -> pl.DataFrame:
    """Return the chart's indicators for a bar frame, beside symbol and session, one row per bar, same order.

    Columns (Float64, null before each one's first valid row): sma_20, sma_50, sma_200, ema_12, ema_26,
    bollinger_upper, bollinger_lower (price); rsi_14 (0..100); macd, macd_signal, macd_histogram, atr_14 (price).
    """
    raise NotImplementedError
