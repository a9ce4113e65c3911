"""Simulated years of settled forecasts: a market with clustering, fat-tailed volatility, and a forecaster that adapts.

Ten symbols follow one market factor and their own; each factor is a GARCH(1,1) with Student-t shocks. The forecaster
knows nothing of that: an exponentially weighted scale (0.94) times quantiles pooled from the time before the year; the
random walk has the quantiles of the symbol's last 250 returns, renewed every month.
"""

from datetime import date, timedelta

import numpy as np
import polars as pl

from app.registry.components.levels import INTERVALS, LEVELS
from app.registry.components.scores import crps

SYMBOLS, BEFORE, SESSIONS = 10, 500, 252
FIRST = date(2021, 1, 1)


def years(count: int, seed: int, wild_from: int | None = None, factor: float = 3.0) -> list[pl.DataFrame]:
    """Return independent years of `track_record.settled` rows; from session `wild_from` on returns grow by `factor`."""
    draws = np.random.default_rng(seed)
    market, own = _garch(draws, (count, 1)), _garch(draws, (count, SYMBOLS))
    returns = 0.008 * market + 0.012 * own
    if wild_from is not None:
        returns[BEFORE + wild_from :] *= factor
    sigma = _ewma(returns)
    z = np.quantile((returns / sigma)[100:BEFORE], LEVELS, axis=(0, 1, 2))
    return [_rows(returns[:, year], sigma[:, year], z) for year in range(count)]


def _garch(draws: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    variance = np.ones(shape)
    out = np.empty((BEFORE + SESSIONS, *shape))
    for at in range(len(out)):
        out[at] = np.sqrt(variance) * draws.standard_t(6, shape) / np.sqrt(1.5)
        variance = 0.02 + 0.08 * out[at] ** 2 + 0.90 * variance
    return out


def _ewma(returns: np.ndarray) -> np.ndarray:
    variance = np.full(returns.shape[1:], returns[:60].var())
    sigma = np.empty_like(returns)
    for at, one in enumerate(returns):
        sigma[at] = np.sqrt(variance)
        variance = 0.94 * variance + 0.06 * one**2
    return sigma


def _rows(returns: np.ndarray, sigma: np.ndarray, z: np.ndarray) -> pl.DataFrame:
    realised = returns[BEFORE:].ravel()
    quantiles = (sigma[BEFORE:, :, None] * z).reshape(-1, len(z))
    walk = np.concatenate(
        [
            np.tile(np.quantile(returns[at - 250 : at], LEVELS, axis=0).T, (min(21, SESSIONS + BEFORE - at), 1))
            for at in range(BEFORE, BEFORE + SESSIONS, 21)
        ]
    )
    hits = {
        f"hit_{level * 100:.0f}": (quantiles[:, low] <= realised) & (realised <= quantiles[:, high])
        for level, (low, high) in INTERVALS.items()
    }
    return pl.DataFrame(
        {
            "symbol": [f"S{number}" for number in range(SYMBOLS)] * SESSIONS,
            "target_session": [FIRST + timedelta(days=row // SYMBOLS) for row in range(len(realised))],
            "model_version": ["v1"] * len(realised),
            "origin": ["live"] * len(realised),
            "kind": ["other"] * len(realised),
            "sigma": sigma[BEFORE:].ravel(),
            "crps": crps(quantiles, realised),
            "crps_random_walk": crps(walk, realised),
            **hits,
        }
    )
