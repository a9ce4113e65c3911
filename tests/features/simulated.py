"""Bars of a market that never was, for tests of features."""

from datetime import date, timedelta

import numpy as np
import polars as pl

from app.core.clock import calendar

SYMBOLS = ("AAA", "BBB", "CCC")


def simulated(rows: int, symbols: tuple[str, ...] = SYMBOLS, seed: int = 1) -> pl.DataFrame:
    """Bars of a random walk with clustered volatility on New York's sessions; each symbol starts a little later."""
    rng = np.random.default_rng(seed)
    days = calendar().between(date(2010, 1, 4), date(2010, 1, 4) + timedelta(days=2 * rows))[:rows]
    frames = []
    for number, symbol in enumerate(symbols):
        mine = days[40 * number :]
        size = len(mine)
        scale = 0.01 * np.exp(np.convolve(rng.normal(size=size + 19), np.ones(20) / 10, "valid"))
        close = 50.0 * (number + 1) * np.exp(np.cumsum(scale * rng.normal(size=size)))
        opened = np.append(close[0], close[:-1]) * np.exp(0.3 * scale * rng.normal(size=size))
        reach = np.exp(scale * np.abs(rng.normal(size=(2, size))))
        frames.append(
            pl.DataFrame(
                {
                    "symbol": [symbol] * size,
                    "session": mine,
                    "open": opened,
                    "high": np.maximum(opened, close) * reach[0],
                    "low": np.minimum(opened, close) / reach[1],
                    "close": close,
                    "volume": rng.integers(100_000, 5_000_000, size=size),
                    "adj_close": close,
                }
            )
        )
    return pl.concat(frames)
