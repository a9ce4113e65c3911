"""Bars of a market that never was, for tests of features."""

from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import polars as pl

from app.core.clock import calendar
from app.prices.frame import EVENT_SCHEMA

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


def reported(symbol: str, day: date, timing: str, known: date | None = None, ended: date | None = None) -> pl.DataFrame:
    """One earnings day, known from noon UTC of `known`, two weeks ahead if not given, to noon of `ended`."""
    noon = time(12, tzinfo=UTC)
    row = {
        "symbol": symbol,
        "date": day,
        "timing": timing,
        "known_at": datetime.combine(known or day - timedelta(days=14), noon),
        "ended_at": datetime.combine(ended, noon) if ended else None,
    }
    return pl.DataFrame([row], schema=EVENT_SCHEMA)


def earnings(rows: int, symbols: tuple[str, ...] = SYMBOLS, seed: int = 1) -> pl.DataFrame:
    """Earnings days of the symbols, one in about a quarter, of every timing; some move, some fall on a weekend."""
    rng = np.random.default_rng(seed)
    found = []
    for number, symbol in enumerate(symbols):
        day = date(2009, 12, 1) + timedelta(days=30 * number)
        while day < date(2010, 1, 4) + timedelta(days=2 * rows):
            timing = ("amc", "bmo", "unknown")[int(rng.integers(3))]
            ended = day - timedelta(days=5) if rng.random() < 0.2 else None
            found.append(reported(symbol, day, timing, ended=ended))
            if ended:
                found.append(reported(symbol, day + timedelta(days=2), timing, known=ended))
            day += timedelta(days=int(rng.integers(80, 100)))
    return pl.concat(found).sort("symbol", "date", "known_at")


def volatility_index(rows: int, seed: int = 1, *, whole: bool = False) -> pl.DataFrame:
    """Bars of a volatility index on New York's sessions from December 2009 on, every fiftieth missing if not whole."""
    rng = np.random.default_rng(seed)
    days = calendar().between(date(2009, 12, 1), date(2010, 1, 4) + timedelta(days=2 * rows))[:rows]
    level = 18.0 * np.exp(0.3 * np.sin(np.arange(rows) / 30.0) + 0.05 * rng.normal(size=rows))
    columns = {"symbol": ["^VIX"] * rows, "session": days, **dict.fromkeys(("open", "high", "low", "close"), level)}
    return pl.DataFrame({**columns, "volume": [0] * rows, "adj_close": level}).filter(
        whole or pl.arange(rows) % 50 != 49
    )
