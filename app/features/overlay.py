"""The indicators that a price chart draws, in units of price."""

from __future__ import annotations

import polars as pl

from app.features.engine.feature import column, compute, family
from app.features.engine.panel import columns
from app.features.indicators import averages as ta
from app.features.indicators.oscillators import atr


def overlay(bars: pl.DataFrame) -> pl.DataFrame:
    """Return the chart's indicators for a bar frame, beside symbol and session, sorted by both, one row per bar.

    Columns (Float64, null before each one's first valid row): sma_20, sma_50, sma_200, ema_12, ema_26,
    bollinger_upper, bollinger_lower (price); rsi_14 (0..100); macd, macd_signal, macd_histogram, atr_14 (price).
    """
    source = columns(bars)
    values = compute(source, _LINES, {})
    return source.frame.select("symbol", "session").with_columns(
        pl.Series(name, column, nan_to_null=True) for name, column in values.items()
    )


_LINES = (
    *family("sma_{w}", ta.sma, (20, 50, 200), lambda w: w),
    *family("ema_{w}", ta.ema, (12, 26), lambda w: w),
    column("bollinger_upper", 19, ta.bollinger_upper),
    column("bollinger_lower", 19, ta.bollinger_lower),
    column("rsi_14", 14, ta.rsi),
    column("macd", 25, ta.macd),
    column("macd_signal", 33, ta.macd_signal),
    column("macd_histogram", 33, lambda panel: ta.macd(panel) - ta.macd_signal(panel)),
    column("atr_14", 14, atr),
)
