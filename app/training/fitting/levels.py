"""A level of its own for each symbol in the log-linear scale, as far as such levels last.

A symbol's level is the mean Newton step that its out-of-fold returns asked of log sigma. Levels of two halves of the
past say how much of one lasts: their covariance over the symbols, over the variance of the whole levels (empirical
Bayes, Efron & Morris 1973). Where nothing lasts, all levels are 0.
"""

from __future__ import annotations

import numpy as np

from app.registry.components.panel import Array, Index

FEWEST_SESSIONS = 250
"""Out-of-fold sessions that the past must have to be halved."""
_FEWEST_ROWS = 60
_FEWEST_SYMBOLS = 5


def symbol_levels(step: Array, symbol: Index, session: Index, symbols: int) -> Array:
    """Return each symbol's level, shrunk, about 0; `step` is out-of-fold, without levels that were in force then."""
    days = np.unique(session)
    if len(days) < FEWEST_SESSIONS:
        return np.zeros(symbols)
    late = session >= days[len(days) // 2]
    means, counts = zip(*(_means(step[half], symbol[half], symbols) for half in (~late, late)), strict=True)
    enough = np.minimum(*counts) >= _FEWEST_ROWS
    if enough.sum() < _FEWEST_SYMBOLS:
        return np.zeros(symbols)
    first, second = (mean - mean[enough].mean() for mean in means)
    whole = _means(step, symbol, symbols)[0]
    whole = whole - whole[enough].mean()
    variance = float(np.mean(whole[enough] ** 2))
    lasting = float(np.mean(first[enough] * second[enough])) / variance if variance > 0.0 else 0.0
    return np.where(enough, np.clip(lasting, 0.0, 1.0) * whole, 0.0)


def _means(step: Array, symbol: Index, symbols: int) -> tuple[Array, Array]:
    count = np.bincount(symbol, minlength=symbols).astype(np.float64)
    return np.bincount(symbol, weights=step, minlength=symbols) / np.maximum(count, 1.0), count
