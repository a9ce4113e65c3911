"""Every indicator agrees with TA-Lib to 1e-9 once TA-Lib's seed has died away."""

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
import talib

from app.features.engine.feature import column, compute
from app.features.engine.panel import Compute, Vector, columns
from app.features.indicators import averages, oscillators
from app.features.overlay import overlay
from tests.features.simulated import simulated

WARM_UP = 700
"""Bars after which 13/14 to that power is 1e-22: no seed is felt any more."""

Oracle = Callable[[dict[str, Vector]], Vector]


def ours(bars: pl.DataFrame, function: Compute) -> Vector:
    """Compute one indicator over the bars of one symbol."""
    return compute(columns(bars), [column("x", 0, function)], {})["x"]


def of(bars: pl.DataFrame) -> dict[str, Vector]:
    """Return the bars' columns as TA-Lib wants them."""
    return {name: bars[name].cast(pl.Float64).to_numpy() for name in ("open", "high", "low", "close", "volume")}


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    """Make three thousand bars of one symbol."""
    return simulated(3000, ("AAA",), seed=3)


def _hlc(b: dict[str, Vector]) -> tuple[Vector, Vector, Vector]:
    return b["high"], b["low"], b["close"]


CASES: dict[str, tuple[Compute, Oracle]] = {
    "sma 20": (lambda p: averages.sma(p, 20), lambda b: talib.SMA(b["close"], 20)),
    "sma 200": (lambda p: averages.sma(p, 200), lambda b: talib.SMA(b["close"], 200)),
    # TA-Lib seeds with the simple mean of the first 12 (26) closes
    "ema 12": (lambda p: averages.ema(p, 12), lambda b: talib.EMA(b["close"], 12)),
    "ema 26": (lambda p: averages.ema(p, 26), lambda b: talib.EMA(b["close"], 26)),
    # TA-Lib seeds with the simple mean of the first 14 changes, true ranges, directional moves
    "rsi 14": (averages.rsi, lambda b: talib.RSI(b["close"], 14)),
    "atr 14": (oscillators.atr, lambda b: talib.ATR(*_hlc(b), 14)),
    "plus di 14": (oscillators.plus_di, lambda b: talib.PLUS_DI(*_hlc(b), 14)),
    "minus di 14": (oscillators.minus_di, lambda b: talib.MINUS_DI(*_hlc(b), 14)),
    "adx 14": (oscillators.adx, lambda b: talib.ADX(*_hlc(b), 14)),
    "roc 12": (lambda p: averages.roc(p, 12), lambda b: talib.ROC(b["close"], 12)),
    "deviation 20": (lambda p: averages.deviation(p, 20), lambda b: talib.STDDEV(b["close"], 20)),
    "bollinger upper": (averages.bollinger_upper, lambda b: talib.BBANDS(b["close"], 20)[0]),
    "bollinger lower": (averages.bollinger_lower, lambda b: talib.BBANDS(b["close"], 20)[2]),
    "stochastic raw": (oscillators.stochastic_fast, lambda b: talib.STOCHF(*_hlc(b), 14, 1)[0]),
    "stochastic %K": (oscillators.stochastic_k, lambda b: talib.STOCH(*_hlc(b), 14, 3, 0, 3, 0)[0]),
    "stochastic %D": (oscillators.stochastic_d, lambda b: talib.STOCH(*_hlc(b), 14, 3, 0, 3, 0)[1]),
    "williams %R": (oscillators.williams, lambda b: talib.WILLR(*_hlc(b), 14)),
    "cci 20": (oscillators.cci, lambda b: talib.CCI(*_hlc(b), 20)),
    "true range": (oscillators.true_range, lambda b: talib.TRANGE(*_hlc(b))),
    # OBV counts from the first bar there is; its change over 22 bars doesn't
    "obv change 22": (
        lambda p: oscillators.obv_change(p, 22),
        lambda b: _change(talib.OBV(b["close"], b["volume"]), 22),
    ),
}


def _change(x: Vector, rows: int) -> Vector:
    return x - np.append(np.full(rows, np.nan), x[:-rows])


@pytest.mark.parametrize("name", CASES)
def test_agrees_with_talib(name: str, bars: pl.DataFrame) -> None:
    """To 1e-9 of its own size, or for what swings around zero of its usual size."""
    function, oracle = CASES[name]
    found, expected = ours(bars, function)[WARM_UP:], oracle(of(bars))[WARM_UP:]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * np.median(np.abs(expected)))


@pytest.mark.parametrize("part", [0, 1])
def test_macd_agrees_with_talib(part: int, bars: pl.DataFrame) -> None:
    """Line and signal are differences of prices, so 1e-9 of their usual size; TA-Lib seeds both averages at bar 26."""
    function = (averages.macd, averages.macd_signal)[part]
    expected = talib.MACD(of(bars)["close"], 12, 26, 9)[part][WARM_UP:]
    tolerance = 1e-9 * np.median(np.abs(expected))
    np.testing.assert_allclose(ours(bars, function)[WARM_UP:], expected, rtol=1e-9, atol=tolerance)


@pytest.mark.parametrize(("rows", "first"), [("sma_20", 19), ("rsi_14", 14), ("macd_signal", 33), ("atr_14", 14)])
def test_the_overlay_starts_with_the_first_valid_row(rows: str, first: int, bars: pl.DataFrame) -> None:
    """Lines are null before their window is there, and have a value from then on."""
    lines = overlay(bars)
    assert lines[rows].is_null().to_list() == [True] * first + [False] * (bars.height - first)


def test_a_flat_stretch_has_no_direction() -> None:
    """A halted symbol repeats its close: oscillators stand in their middle, nothing is infinite or missing."""
    flat = simulated(60, ("AAA",)).with_columns(pl.lit(10.0).alias(name) for name in ("open", "high", "low", "close"))
    assert ours(flat, averages.rsi)[-1] == 50.0
    assert ours(flat, oscillators.williams)[-1] == -50.0
    assert ours(flat, oscillators.cci)[-1] == 0.0
    assert ours(flat, oscillators.adx)[-1] == 0.0
    assert ours(flat, lambda p: averages.deviation(p, 20))[-1] == 0.0
