"""The indicators that a price chart draws, in units of price."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isnan

import polars as pl

from app.features.engine.feature import Feature, compute, family
from app.features.engine.panel import columns, columns_of_one
from app.features.indicators import averages as ta
from app.features.indicators.oscillators import atr


def overlay(bars: pl.DataFrame) -> pl.DataFrame:
    """Return the chart's indicators for a bar frame, beside symbol and session, sorted by both, one row per bar.

    Columns (Float64, null before each one's first valid row): sma_20, sma_50, sma_200, ema_12,
    ema_26, bollinger_upper, bollinger_lower (price); rsi_14 (0..100); macd, macd_signal, macd_histogram, atr_14
    (price).
    """
    source = columns(bars)
    values = compute(source, _LINES.values(), {})
    return source.frame["symbol", "session"].hstack(
        [pl.Series(name, column, nan_to_null=True) for name, column in values.items()]
    )


def lines(bars: Mapping[str, Sequence[float]], names: Iterable[str]) -> dict[str, list[float | None]]:
    """Return these columns for one symbol's bars, oldest first, which come as columns, too.

    A chart's few hundred bars stay lists: a frame of them, and what is asked of it, take longer than all the rest.
    """
    values = compute(columns_of_one(bars), [_LINES[name] for name in names], {})
    return {name: [None if isnan(one) else one for one in column.tolist()] for name, column in values.items()}


def reach(names: Iterable[str]) -> int:
    """Return how many bars before the first one drawn these columns depend on: with them no value differs."""
    return max((_LINES[name].window - 1 for name in names), default=0)


_MACD, _SIGNAL = ta.span_memory(ta.SLOW), ta.span_memory(ta.SLOW) + ta.span_memory(ta.SIGNAL)
_LINES = {
    line.name: line
    for line in (
        *family("sma_{w}", ta.sma, (20, 50, 200), lambda w: w),
        *family("ema_{w}", ta.ema, (ta.FAST, ta.SLOW), ta.span_memory, lambda w: w - 1),
        Feature("bollinger_upper", 20, 19, ta.bollinger_upper),
        Feature("bollinger_lower", 20, 19, ta.bollinger_lower),
        Feature("rsi_14", ta.WILDER_MEMORY + 1, ta.WILDER, ta.rsi),
        Feature("macd", _MACD, ta.SLOW - 1, ta.macd),
        Feature("macd_signal", _SIGNAL, ta.SLOW + ta.SIGNAL - 2, ta.macd_signal),
        Feature("macd_histogram", _SIGNAL, ta.SLOW + ta.SIGNAL - 2, lambda one: ta.macd(one) - ta.macd_signal(one)),
        Feature("atr_14", ta.WILDER_MEMORY + 1, ta.WILDER, atr),
    )
}
