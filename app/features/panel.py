"""The sorted panel, cut into small matrices: one symbol a row, one bar a column.

Bars come and go as Polars frames; between, the columns are plain matrices of a few symbols each, small enough to
stay in the processor's cache while hundreds of passes go over them: on 1.3 million bars that is three times as fast
as the same passes over whole columns, and one symbol's newest row takes milliseconds. Symbols of a block stand
left-aligned and are padded at their end, which nothing looks back on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import wraps
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from app.core.clock import Calendar
from app.features.windows import Matrix, Sums

Days = npt.NDArray[np.datetime64]
Index = npt.NDArray[np.intp]
Table = Mapping[str, npt.NDArray[np.float64]]
"""Columns of one value per session; the last value stands for a session that isn't there."""

_MARGIN = timedelta(days=30)
_BLOCK = 15_000
"""Cells of a block: its matrices are then under 128 KiB, which the C library's allocator keeps and hands out again."""


@dataclass(frozen=True)
class Columns:
    """A bar frame as arrays, sorted by (symbol, session), with the bounds of each symbol's rows."""

    frame: pl.DataFrame
    prices: dict[str, npt.NDArray[np.float64]]
    bounds: Index
    sessions: Days
    at: Index

    @property
    def ends(self) -> Index:
        """The row of each symbol's newest bar."""
        return self.bounds[1:] - 1


@dataclass
class Panel:
    """A block of symbols: five matrices of bars, and for each bar the index of its session in the tables."""

    open: Matrix
    high: Matrix
    low: Matrix
    close: Matrix
    volume: Matrix
    at: Index
    tables: Table
    kept: dict[str, Any] = field(default_factory=dict)

    def by_session(self, name: str) -> Matrix:
        """Return a table's column, spread over the bars."""
        found: Matrix | None = self.kept.get(f"by session {name}")
        if found is None:
            found = self.kept[f"by session {name}"] = self.tables[name][self.at]
        return found


Compute = Callable[[Panel], Matrix]


def series(function: Compute) -> Compute:
    """Keep what the function returns on the panel: several features start from it."""

    @wraps(function)
    def kept(panel: Panel) -> Matrix:
        found: Matrix | None = panel.kept.get(function.__name__)
        if found is None:
            found = panel.kept[function.__name__] = function(panel)
        return found

    return kept


def sums(panel: Panel, function: Compute) -> Sums:
    """Return the window sums of a kept series, themselves kept."""
    name = f"sums of {function.__name__}"
    found: Sums | None = panel.kept.get(name)
    if found is None:
        found = panel.kept[name] = Sums(function(panel))
    return found


def columns(bars: pl.DataFrame) -> Columns:
    """Return the bar frame's columns, sorted by (symbol, session)."""
    frame = bars.sort("symbol", "session")
    days = frame["session"].to_numpy().astype("datetime64[D]")
    sessions, at = _numbered(days)
    changed = (frame["symbol"] != frame["symbol"].shift(1)).fill_null(value=True).to_numpy()
    return Columns(
        frame=frame,
        prices={
            name: frame[name].cast(pl.Float64).to_numpy(writable=False)
            for name in ("open", "high", "low", "close", "volume")
        },
        bounds=np.append(np.flatnonzero(changed), frame.height),
        sessions=sessions,
        at=at,
    )


def _numbered(days: Days) -> tuple[Days, Index]:
    """Return the distinct days, sorted, and for each day its index among them."""
    if not days.size:
        return days, np.zeros(0, dtype=np.intp)
    first = days.min()
    offset = (days - first).astype(np.intp)
    there = np.zeros(int(offset.max()) + 1, dtype=np.bool_)
    there[offset] = True
    return first + np.flatnonzero(there).astype("timedelta64[D]"), (np.cumsum(there) - 1)[offset]


def compute(
    source: Columns, functions: Mapping[str, Compute], tables: Table, *, newest: bool = False
) -> dict[str, npt.NDArray[np.float64]]:
    """Return each function's values, one per bar in the order of `source`, or one per symbol with `newest`."""
    size = len(source.bounds) - 1 if newest else source.frame.height
    out = {name: np.empty(size) for name in functions}
    for first, last in _blocks(source.bounds):
        bounds = source.bounds[first : last + 1]
        lengths = np.diff(bounds)
        panel = _block(source, bounds, lengths, tables)
        with np.errstate(all="ignore"):
            for name, function in functions.items():
                values = function(panel)
                if newest:
                    out[name][first:last] = values[np.arange(last - first), lengths - 1]
                else:
                    _unpack(values, bounds, lengths, out[name])
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


def _block(source: Columns, bounds: Index, lengths: Index, tables: Table) -> Panel:
    prices: dict[str, Any] = {name: _pack(values, bounds, lengths, 1.0) for name, values in source.prices.items()}
    return Panel(**prices, at=_pack(source.at, bounds, lengths, -1), tables=tables)


def _pack(values: npt.NDArray[Any], bounds: Index, lengths: Index, padding: float) -> npt.NDArray[Any]:
    """Return the symbols' stretches of a column as a matrix."""
    longest = int(lengths.max())
    if lengths.min() == longest:
        return values[bounds[0] : bounds[-1]].reshape(-1, longest)
    out = np.full((len(lengths), longest), padding, dtype=values.dtype)
    for row, (start, length) in enumerate(zip(bounds, lengths, strict=False)):
        out[row, :length] = values[start : start + length]
    return out


def _unpack(values: Matrix, bounds: Index, lengths: Index, out: npt.NDArray[np.float64]) -> None:
    """Write a block's matrix back into a column."""
    if lengths.min() == values.shape[1]:
        out[bounds[0] : bounds[-1]] = values.reshape(-1)
        return
    for row, (start, length) in enumerate(zip(bounds, lengths, strict=False)):
        out[start : start + length] = values[row, :length]


def next_sessions(sessions: Days, calendar: Calendar) -> Days:
    """Return for each session the exchange's next one, both as days."""
    if not sessions.size:
        return sessions
    first: Any = sessions.min().item()
    last: Any = sessions.max().item()
    known: list[date] = [*calendar.between(first, last + _MARGIN)]
    table = np.array([*known, calendar.next_session(max(last, *known) if known else last)], dtype="datetime64[D]")
    return table[np.searchsorted(table, sessions.astype("datetime64[D]"), side="right")]
