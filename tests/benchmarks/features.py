"""How quick the features are: `python tests/benchmarks/features.py [symbols [sessions]]` prints each ratio in one run.

The bars are invented: 500 symbols of 2,520 sessions unless said otherwise. Peers are TA-Lib, called per symbol on
arrays, and pandas-ta-classic and ta, called per symbol on pandas frames; one that can't be imported is named and left
out. The two slow ones run on some of the symbols, and their time is scaled up: they treat one symbol after the other.
All end with the same thing, one column an indicator over all the bars.
"""

from __future__ import annotations

import importlib
import os
import resource
import sys
import time
from collections.abc import Callable
from datetime import date
from types import ModuleType
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import polars as pl

from app.core.clock import calendar
from app.features.catalogue import FEATURES
from app.features.engine.feature import column, compute
from app.features.engine.panel import Compute, columns
from app.features.frame import MAX_WINDOW, build, market
from app.features.indicators import averages as av
from app.features.indicators import oscillators as osc

SAMPLE = 20
"""Symbols that the slow peers get."""
FACTORS = ("open", "high", "low", "close", "volume")

SHARED: dict[str, Compute] = {
    "sma_20": lambda p: av.sma(p, 20),
    "sma_50": lambda p: av.sma(p, 50),
    "ema_12": lambda p: av.ema(p, 12),
    "ema_26": lambda p: av.ema(p, 26),
    "rsi_14": av.rsi,
    "macd": av.macd,
    "macd_signal": av.macd_signal,
    "bollinger_upper": av.bollinger_upper,
    "bollinger_lower": av.bollinger_lower,
    "atr_14": osc.atr,
    "stochastic_k": osc.stochastic_k,
    "stochastic_d": osc.stochastic_d,
    "obv": lambda p: osc.obv_change(p, 22),
    "roc_12": lambda p: av.roc(p, 12),
    "williams_14": osc.williams,
    "cci_20": osc.cci,
    "adx_14": osc.adx,
    "plus_di_14": osc.plus_di,
    "minus_di_14": osc.minus_di,
}


def invented(symbols: int, sessions: int) -> pl.DataFrame:
    """Return random walks as a bar frame."""
    drawn = np.random.default_rng(1)
    days = calendar().between(date(2005, 1, 3), date(2040, 1, 1))[:sessions]
    shape = symbols, len(days)
    close = 50.0 * np.exp(np.cumsum(drawn.normal(0.0, 0.02, shape), axis=1))
    opened = close * np.exp(drawn.normal(0.0, 0.01, shape))
    reach = np.exp(np.abs(drawn.normal(0.0, 0.01, (2, *shape))))
    return pl.DataFrame(
        {
            "symbol": np.repeat([f"S{number:03}" for number in range(symbols)], len(days)),
            "session": pl.Series(list(days) * symbols),
            "open": opened.ravel(),
            "high": (np.maximum(opened, close) * reach[0]).ravel(),
            "low": (np.minimum(opened, close) / reach[1]).ravel(),
            "close": close.ravel(),
            "volume": drawn.integers(100_000, 5_000_000, shape).ravel(),
        }
    )


def timed(work: Callable[[], object], repeat: int = 3) -> float:
    """Return the best CPU seconds of `repeat` runs: a neighbour on the machine must not decide."""
    best = float("inf")
    for _ in range(repeat):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def per_symbol(bars: pl.DataFrame) -> list[dict[str, Any]]:
    """Return each symbol's columns as float arrays."""
    parts = bars.partition_by("symbol", maintain_order=True)
    return [{name: part[name].cast(pl.Float64).to_numpy() for name in FACTORS} for part in parts]


def assembled(parts: list[list[Any]]) -> int:
    """Join the symbols' lines to one column an indicator, and say how many there are."""
    return len([np.concatenate([np.asarray(line) for line in lines]) for lines in zip(*parts, strict=True)])


def by_talib(talib: ModuleType, symbols: list[dict[str, Any]]) -> int:
    """Compute the shared indicators with TA-Lib, symbol by symbol."""
    return assembled([_talib_lines(talib, b) for b in symbols])


def _talib_lines(talib: ModuleType, b: dict[str, Any]) -> list[Any]:
    close, volume = b["close"], b["volume"]
    bar = b["high"], b["low"], close
    return [
        talib.SMA(close, 20),
        talib.SMA(close, 50),
        talib.EMA(close, 12),
        talib.EMA(close, 26),
        talib.RSI(close, 14),
        *talib.MACD(close, 12, 26, 9)[:2],
        *talib.BBANDS(close, 20)[::2],
        talib.ATR(*bar, 14),
        *talib.STOCH(*bar, 14, 3, 0, 3, 0),
        talib.OBV(close, volume),
        talib.ROC(close, 12),
        talib.WILLR(*bar, 14),
        talib.CCI(*bar, 20),
        talib.ADX(*bar, 14),
        talib.PLUS_DI(*bar, 14),
        talib.MINUS_DI(*bar, 14),
    ]


def by_pandas_ta(pta: ModuleType, frames: list[Any]) -> int:
    """Compute the shared indicators with pandas-ta-classic's own code, symbol by symbol."""
    return assembled([_pandas_ta_lines(pta, f) for f in frames])


def _pandas_ta_lines(pta: ModuleType, f: Any) -> list[Any]:
    bar = f["high"], f["low"], f["close"]
    macd = pta.macd(f["close"], talib=False)
    bands = pta.bbands(f["close"], 20, talib=False)
    stochastic = pta.stoch(*bar, 14, 3, 3, talib=False).reindex(f.index)
    directions = pta.adx(*bar, 14, talib=False)
    return [
        pta.sma(f["close"], 20, talib=False),
        pta.sma(f["close"], 50, talib=False),
        pta.ema(f["close"], 12, talib=False),
        pta.ema(f["close"], 26, talib=False),
        pta.rsi(f["close"], 14, talib=False),
        macd.iloc[:, 0],
        macd.iloc[:, 2],
        bands.iloc[:, 0],
        bands.iloc[:, 2],
        pta.atr(*bar, 14, talib=False),
        stochastic.iloc[:, 0],
        stochastic.iloc[:, 1],
        pta.obv(f["close"], f["volume"], talib=False),
        pta.roc(f["close"], 12, talib=False),
        pta.willr(*bar, 14, talib=False),
        pta.cci(*bar, 20, talib=False),
        *(directions.iloc[:, number] for number in (0, 1, 2)),
    ]


def by_ta(ta: ModuleType, frames: list[Any]) -> int:
    """Compute the shared indicators with ta, symbol by symbol."""
    return assembled([_ta_lines(ta, f) for f in frames])


def _ta_lines(ta: ModuleType, f: Any) -> list[Any]:
    bar = f["high"], f["low"], f["close"]
    macd = ta.trend.MACD(f["close"])
    bands = ta.volatility.BollingerBands(f["close"], 20)
    stochastic = ta.momentum.StochasticOscillator(*bar, 14, 3)
    directions = ta.trend.ADXIndicator(*bar, 14)
    return [
        ta.trend.sma_indicator(f["close"], 20),
        ta.trend.sma_indicator(f["close"], 50),
        ta.trend.ema_indicator(f["close"], 12),
        ta.trend.ema_indicator(f["close"], 26),
        ta.momentum.rsi(f["close"], 14),
        macd.macd(),
        macd.macd_signal(),
        bands.bollinger_hband(),
        bands.bollinger_lband(),
        ta.volatility.average_true_range(*bar, 14),
        stochastic.stoch(),
        stochastic.stoch_signal(),
        ta.volume.on_balance_volume(f["close"], f["volume"]),
        ta.momentum.roc(f["close"], 12),
        ta.momentum.williams_r(*bar, 14),
        ta.trend.cci(*bar, 20),
        directions.adx(),
        directions.adx_pos(),
        directions.adx_neg(),
    ]


def found(name: str) -> ModuleType | None:
    """Import a peer; say so when it isn't there."""
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"{name} is not installed: left out")
        return None


def line(name: str, seconds: float, made: int, against: float | None = None) -> None:
    """Print one row: CPU seconds, columns, milliseconds a column, and the ratio to a time per column."""
    each = seconds / made
    ratio = "" if against is None else f"{each / against:8.2f} x"
    print(f"{name:46} {seconds:8.2f} s {made:4} columns {1e3 * each:8.1f} ms a column {ratio}")


def main(symbols: int = 500, sessions: int = 2520) -> None:
    """Run all and print."""
    bars = invented(symbols, sessions)
    print(f"{bars.height:,} bars, {symbols} symbols; CPU seconds, best of 3; ratio: time a column over ours")
    source, chosen = columns(bars), [column(name, 0, work) for name, work in SHARED.items()]
    ours = timed(lambda: compute(source, chosen, {})) / len(chosen)
    line("ours, the shared indicators", ours * len(chosen), len(chosen), ours)
    full = timed(lambda: build(bars, calendar()), 2) / len(FEATURES)
    line("ours, the full set", full * len(FEATURES), len(FEATURES), ours)
    arrays = per_symbol(bars)
    if talib := found("talib"):
        taken = timed(lambda: by_talib(talib, arrays))
        line("TA-Lib per symbol, shared", taken, by_talib(talib, arrays[:1]), ours)
    if pandas := found("pandas"):
        frames = [pandas.DataFrame(b) for b in arrays[:SAMPLE]]
        scale = symbols / len(frames)
        for name, work in (("pandas_ta_classic", by_pandas_ta), ("ta", by_ta)):
            if peer := found(name):
                made = work(peer, frames[:1])
                taken = timed(lambda work=work, peer=peer: work(peer, frames), 2) * scale  # type: ignore[misc]
                line(f"{name} per symbol, shared", taken, made, ours)
                print(f"{'':46} against the full set, a column: {taken / made / full:8.2f} x")
    one = bars.filter(pl.col("symbol") == "S007").tail(MAX_WINDOW)
    context = market(bars)
    newest = timed(lambda: [build(one, calendar(), context, newest=True) for _ in range(20)]) / 20
    print(f"{'one symbol, newest row of the full set':46} {1e3 * newest:8.2f} ms")
    print(f"{'peak memory':46} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:8.0f} MB")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:3]))
