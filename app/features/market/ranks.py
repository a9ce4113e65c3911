"""Ranks among the symbols of the same session: who is high and who is low today, whatever the market does.

rank_year is of the log return from a year to a month ago (Jegadeesh & Titman 1993), the others of the features that
they are named for; each is a share, -0.5..0.5.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from app.features.engine.feature import MONTH, Feature
from app.features.engine.panel import Columns, Compute, Index, Vector
from app.features.engine.windows import Matrix
from app.features.indicators.returns import log_return
from app.features.indicators.volatility import range_
from app.features.indicators.volume import volume_1

_CHUNK = 16_384
"""Values that are looked up together."""


def _rank(name: str, window: int, first: int, function: Compute) -> Feature:
    """Return a rank: the function gives what is ranked, and `rank` its place once all symbols are there.

    Nine digits are ranked: equal returns must share a rank, however their floats came about.
    """
    return Feature(f"rank_{name}", window, first, lambda panel: np.round(function(panel), 9))


FEATURES = (
    _rank("ret_1", 2, 1, lambda panel: log_return(panel, 1)),
    _rank("ret_5", 6, 5, lambda panel: log_return(panel, 5)),
    _rank("ret_22", 23, 22, lambda panel: log_return(panel, MONTH)),
    _rank("year", 253, 252, lambda panel: log_return(panel, 252) - log_return(panel, MONTH)),
    _rank("range", 23, 22, lambda panel: range_(panel, MONTH)),
    _rank("volume", 68, 22, volume_1),
)
COLUMN = {feature.name: feature.name.replace("rank", "sorted") for feature in FEATURES}
"""The context's column that a rank is looked up in: the session's values in order."""


def sorted_by_session(source: Columns, rows: Mapping[str, Vector]) -> dict[str, pl.Series]:
    """Return for each ranked feature the sorted values of each session's symbols, NaN at the end."""
    symbols = np.repeat(np.arange(len(source.bounds) - 1), np.diff(source.bounds))
    shape = len(source.sessions), max(len(source.bounds) - 1, 1)
    found = {}
    for name, column in COLUMN.items():
        dense = np.full(shape, np.nan)
        dense[source.at, symbols] = rows[name]
        dense.sort(axis=1)
        found[column] = pl.Series(column, dense)
    return found


def rank(values: Vector, at: Index, ordered: Matrix) -> Vector:
    """Return each value's place among its session's, -0.5 (all others above) .. 0.5; equal ones share theirs.

    `at` is the row of `ordered` that holds the session's values, -1 where there is none: NaN then.
    """
    rows = np.column_stack([ordered, np.full((len(ordered), _to_power(ordered.shape[1])), np.nan)])
    rows = np.vstack([rows, np.full((1, rows.shape[1]), np.nan)])  # the row that -1 means
    sizes = np.isfinite(rows).sum(axis=1)
    tied = (rows[:, 1:] == rows[:, :-1]).any(axis=1)
    found = np.empty(len(values))
    for start in range(0, len(values), _CHUNK):
        asked, place = values[start : start + _CHUNK], at[start : start + _CHUNK]
        below = _count(rows, place, asked, np.less)
        upto = below + (rows[place, below] == asked)
        again = np.flatnonzero(tied[place] & (upto > below))
        upto[again] = _count(rows, place[again], asked[again], np.less_equal)
        found[start : start + _CHUNK] = (below + upto) / (2.0 * np.maximum(sizes[place], 1)) - 0.5
    found[np.isnan(values) | (at < 0)] = np.nan
    return found


def _to_power(width: int) -> int:
    """Return how many columns, one at least, make a width of a power of two less one: a search halves it evenly."""
    return (1 << (width + 1).bit_length()) - 1 - width


def _count(rows: Matrix, at: Index, asked: Vector, compare: np.ufunc) -> Index:
    """Return how many values of row `at` compare true with what is asked: a binary search of all at once."""
    flat, width = rows.reshape(-1), rows.shape[1]
    base = np.where(at < 0, len(rows) - 1, at) * width
    found = base - 1
    step = (width + 1) // 2
    while step:
        found += step * compare(flat[found + step], asked)
        step //= 2
    counted: Index = found - base + 1
    return counted
