"""The indicators that a price chart draws, in units of price."""

from __future__ import annotations

import polars as pl

from app.features.engine.feature import Feature
from app.features.engine.panel import Compute, columns, compute
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


def _line(name: str, first: int, function: Compute) -> Feature:
    return Feature(name, "", 0, first, "price", "", "chart", function)


_LINES = (
    _line("sma_20", 19, lambda panel: ta.sma(panel, 20)),
    _line("sma_50", 49, lambda panel: ta.sma(panel, 50)),
    _line("sma_200", 199, lambda panel: ta.sma(panel, 200)),
    _line("ema_12", 11, lambda panel: ta.ema(panel, 12)),
    _line("ema_26", 25, lambda panel: ta.ema(panel, 26)),
    _line("bollinger_upper", 19, ta.bollinger_upper),
    _line("bollinger_lower", 19, ta.bollinger_lower),
    _line("rsi_14", 14, ta.rsi),
    _line("macd", 25, ta.macd),
    _line("macd_signal", 33, ta.macd_signal),
    _line("macd_histogram", 33, lambda panel: ta.macd(panel) - ta.macd_signal(panel)),
    _line("atr_14", 14, atr),
)
