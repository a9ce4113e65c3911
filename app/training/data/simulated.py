"""Simulated markets: prices without any edge, or with one of known size, to try the contest's claims on.

Log volatility moves slowly and jumps together over all symbols (Taylor 1986); shocks have fat tails and share a market
factor. The log return has mean zero given the past, unless an edge is planted.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from app.core.clock import calendar
from app.prices.frame import BAR_SCHEMA
from app.registry.components.panel import Array

FIRST = date(2010, 1, 4)
_STEPS = 6
_TAIL = 6.0
_CUT = 3.0
_SHARED = 0.3
"""The market's share of a shock's variance."""


def market(seed: int, symbols: int = 60, sessions: int = 1400, edge: float = 0.0) -> pl.DataFrame:
    """Return a bar frame of made-up symbols on the New York calendar.

    `edge` is the correlation planted between a symbol's own shock of a session, the market's taken out and cut at 3,
    and its next return: a reversal, which every candidate has the features to see.
    """
    rng = np.random.default_rng(seed)
    sigma = np.exp(_log_sigma(rng, symbols, sessions))
    common, own = _shocks(rng, 1, sessions), _shocks(rng, symbols, sessions)
    shocks = np.sqrt(_SHARED) * common + np.sqrt(1.0 - _SHARED) * own
    cut = np.clip(own, -_CUT, _CUT)
    before = np.vstack([np.zeros((1, symbols)), cut[:-1] / cut.std()])
    returns = sigma * (np.sqrt(1.0 - edge * edge) * shocks - edge * before)
    return _bars(rng, returns, sigma)


def _log_sigma(rng: np.random.Generator, symbols: int, sessions: int) -> Array:
    """Return log sigma by session and symbol: a level, a market wave and a wave of the symbol's own."""
    level = np.log(0.015) + 0.25 * rng.standard_normal(symbols)
    common = _wave(rng.standard_normal((sessions, 1)), 0.985, 0.25)
    own = _wave(rng.standard_normal((sessions, symbols)), 0.97, 0.25)
    found: Array = level + common + own
    return found


def _wave(noise: Array, decay: float, spread: float) -> Array:
    out = np.zeros_like(noise)
    for row in range(1, len(noise)):
        out[row] = decay * out[row - 1] + np.sqrt(1.0 - decay * decay) * spread * noise[row]
    return out


def _shocks(rng: np.random.Generator, symbols: int, sessions: int) -> Array:
    """Return shocks of variance 1 with fat tails."""
    found: Array = rng.standard_t(_TAIL, (sessions, symbols)) * np.sqrt((_TAIL - 2.0) / _TAIL)
    return found


def _bars(rng: np.random.Generator, returns: Array, sigma: Array) -> pl.DataFrame:
    sessions, symbols = returns.shape
    days = [day for day in calendar().sessions if day >= FIRST][:sessions]
    close = 50.0 * np.exp(np.cumsum(returns, axis=0))
    before = np.vstack([np.full((1, symbols), 50.0), close[:-1]])
    overnight = 0.3 * returns + 0.2 * sigma * rng.standard_normal(returns.shape)
    opened = before * np.exp(overnight)
    path = rng.standard_normal((_STEPS, sessions, symbols)) * sigma / np.sqrt(_STEPS)
    bridge = np.cumsum(path, axis=0)
    bridge -= bridge[-1] * (np.arange(1, _STEPS + 1) / _STEPS)[:, None, None]
    inside = opened * np.exp(bridge + np.log(close / opened) * (np.arange(1, _STEPS + 1) / _STEPS)[:, None, None])
    low, high = np.minimum(opened, close), np.maximum(opened, close)
    volume = 1e6 * np.exp(0.3 * rng.standard_normal(returns.shape) + 0.5 * np.abs(returns) / sigma)
    columns = {
        "symbol": np.repeat([f"SIM{number:03d}" for number in range(symbols)], sessions),
        "session": pl.Series(days * symbols),
        "open": opened.T.ravel(),
        "high": np.maximum(high, inside.max(axis=0)).T.ravel(),
        "low": np.minimum(low, inside.min(axis=0)).T.ravel(),
        "close": close.T.ravel(),
        "volume": volume.T.ravel().astype(np.int64),
        "adj_close": pl.Series([None] * (sessions * symbols), dtype=pl.Float64),
    }
    return pl.DataFrame(columns).select(pl.col(name).cast(kind) for name, kind in BAR_SCHEMA.items())
