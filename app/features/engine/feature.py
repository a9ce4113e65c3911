"""What a feature is: a named column, its reach back in time, and its function; and how columns are computed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from app.features.engine.panel import Columns, Compute, Index, Panel, Table, Vector
from app.features.engine.windows import Matrix

MONTH = 22
_BLOCK = 15_300
"""Cells of a block: a matrix of that many numbers stays below the 128 KiB from which the C library fetches
fresh memory each time, and calls weigh little against the work in them."""


@dataclass(frozen=True)
class Feature:
    """One column of the feature frame; its formula, unit and source stand with the function.

    `window` is the number of newest bars that the value depends on; `first` the symbol's row, from 0, that has the
    first value; both count the symbol's own bars, or the market's sessions where the market is meant. `shared` says
    that all symbols of a session have the same value.
    """

    name: str
    window: int
    first: int
    compute: Compute = field(repr=False, compare=False)
    shared: bool = False


def family(
    name: str,
    compute: Callable[[Panel, int], Matrix],
    windows: Sequence[int],
    window: Callable[[int], int] = lambda w: w + 1,
    first: Callable[[int], int] | None = None,
) -> list[Feature]:
    """Return one feature a window, `{w}` in the name; `window` and `first` follow from it, `first` as the last bar."""

    def at(w: int) -> Compute:
        return lambda panel: compute(panel, w)

    return [Feature(name.format(w=w), window(w), first(w) if first else window(w) - 1, at(w)) for w in windows]


def column(name: str, first: int, compute: Compute) -> Feature:
    """Return a column that is no feature, but computed as one."""
    return Feature(name, 0, first, compute)


def broadcast(name: str) -> Compute:
    """Return the function that spreads a table's column, one value per session, over the bars."""
    return lambda panel: panel.by_session(name)


def first_of_mean(window: int) -> int:
    """Return the first row of a mean over what there is: a month must be there, a year needn't."""
    return min(window, MONTH)


def compute(
    source: Columns, chosen: Iterable[Feature], tables: Table, beside: Table | None = None, *, newest: bool = False
) -> dict[str, Vector]:
    """Return each column's values, one per bar in the order of `source`, or one per symbol with `newest`.

    A value before the column's first valid row is NaN. `beside` has one value per bar in each of its columns.
    """
    size = len(source.bounds) - 1 if newest else len(source.at)
    out = {column.name: np.empty(size) for column in chosen}
    for first, last in _blocks(source.bounds):
        bounds = source.bounds[first : last + 1]
        lengths = np.diff(bounds)
        panel = _block(source, bounds, lengths, tables, beside or {})
        with np.errstate(all="ignore"):
            for column in chosen:
                values = column.compute(panel)
                if newest:
                    newest_values = values[np.arange(last - first), lengths - 1]
                    out[column.name][first:last] = np.where(lengths > column.first, newest_values, np.nan)
                else:
                    _unpack(values, bounds, lengths, out[column.name], column.first)
    return out


def _blocks(bounds: Index) -> Iterator[tuple[int, int]]:
    """Yield ranges of symbols whose padded matrix stays within a block's size (one symbol at least)."""
    first, longest = 0, 0
    lengths = np.diff(bounds).tolist()
    for number, length in enumerate(lengths):
        longest = max(longest, length)
        if number > first and (number + 1 - first) * longest > _BLOCK:
            yield first, number
            first, longest = number, length
    if lengths:
        yield first, len(lengths)


def _block(source: Columns, bounds: Index, lengths: Index, tables: Table, beside: Table) -> Panel:
    prices: dict[str, Any] = {name: _pack(values, bounds, lengths, 1.0) for name, values in source.prices.items()}
    own = {name: _pack(values, bounds, lengths, 0.0) for name, values in beside.items()}
    return Panel(**prices, at=_pack(source.at, bounds, lengths, -1), tables=tables, beside=own)


def _pack(values: npt.NDArray[Any], bounds: Index, lengths: Index, padding: float) -> npt.NDArray[Any]:
    """Return the symbols' stretches of a column as a matrix."""
    longest = int(lengths.max())
    if lengths.min() == longest:
        return values[bounds[0] : bounds[-1]].reshape(-1, longest)
    out = np.full((len(lengths), longest), padding, dtype=values.dtype)
    for row, (start, length) in enumerate(zip(bounds, lengths, strict=False)):
        out[row, :length] = values[start : start + length]
    return out


def _unpack(values: Matrix, bounds: Index, lengths: Index, out: Vector, first: int) -> None:
    """Write a block's matrix back into a column, without each symbol's rows before `first`."""
    if lengths.min() == values.shape[1]:
        block = out[bounds[0] : bounds[-1]].reshape(values.shape)
        block[:, first:] = values[:, first:]
        block[:, :first] = np.nan
        return
    for row, (start, length) in enumerate(zip(bounds, lengths, strict=False)):
        out[start : start + min(first, length)] = np.nan
        out[start + first : start + length] = values[row, first:length]
