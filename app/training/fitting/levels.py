"""A level of its own for each symbol: in the log-linear scale as far as such levels last, and for trees to read.

A symbol's level is the mean Newton step that its out-of-fold returns asked of log sigma. Levels of two halves of the
past say how much of one lasts: their covariance over the symbols, over the variance of the whole levels (empirical
Bayes, Efron & Morris 1973). Where nothing lasts, all levels are 0.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.registry.components.panel import Array, Index

FEWEST_SESSIONS = 250
"""Out-of-fold sessions that the past must have to be halved."""
PRIOR_ROWS = 250.0
"""A level that trees read is shrunk as if a year of rows of no level stood before the symbol's own.

1,000 and 4,000 were worth the same, within their errors, and so was XGBoost's own handling of categories, which sends a
symbol that it wasn't grown with to one side or the other instead of to the pooled level.
"""
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


class OwnLevels(NamedTuple):
    """Levels by symbol as they were known when trees were grown; a symbol that isn't named has the pooled one, 0."""

    symbols: tuple[str, ...] = ()
    levels: tuple[float, ...] = ()


NO_LEVELS = OwnLevels()


def levels_before(target: Array, symbol: Index) -> Array:
    """Return for each row what was known of its symbol: the mean target of its earlier rows, shrunk to 0.

    Rows stand in order of session. A symbol is a category with hundreds of values; told by its ordered target statistic
    (Prokhorenkova et al. 2018) it is a number for any tree, and no row's own target is in what it is learnt from.
    """
    order = np.argsort(symbol, kind="stable")
    found = np.zeros(len(target))
    for rows in np.split(order, np.flatnonzero(np.diff(symbol[order])) + 1):
        found[rows[1:]] = np.cumsum(target[rows[:-1]]) / (np.arange(1, len(rows)) + PRIOR_ROWS)
    return found


def levels_now(target: Array, symbol: Index, names: NDArray[np.str_]) -> OwnLevels:
    """Return the level that each symbol's next row would have; `names` are those of the numbers in `symbol`."""
    count = np.bincount(symbol, minlength=len(names))
    level = np.bincount(symbol, weights=target, minlength=len(names)) / (count + PRIOR_ROWS)
    own = np.flatnonzero(count)
    return OwnLevels(tuple(str(name) for name in names[own]), tuple(level[own].tolist()))
