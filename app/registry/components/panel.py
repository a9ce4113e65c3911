"""A feature frame as arrays: windows by symbol and by session that give the same bits wherever a frame begins.

Every window here is summed by doubling: the tree of additions behind a value depends on the window's length alone,
not on the value's place in the array, nor on what stands before the window. Running sums and BLAS calls don't have
that property, and a forecast that is rebuilt from a shorter history must agree to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.intp]


def count_distinct(numbers: Index) -> int:
    """Return how many different numbers, each 0 or more, there are: `np.unique` would hash every row of a panel."""
    return int(np.count_nonzero(np.bincount(numbers)))


class Panel:
    """Arrays over the rows of one feature frame, sorted by (symbol, session); nothing of the frame is changed."""

    def __init__(self, features: pl.DataFrame, state: pl.DataFrame | None = None) -> None:
        """Take over the frame; raises `ValueError` when it isn't sorted by (symbol, session).

        `state` is the adaptation's level by session, where the frame's symbols aren't the whole market.
        """
        self.frame = features
        self._cache: dict[object, Array] = {}
        names, self.symbol = np.unique(features["symbol"].to_numpy(), return_inverse=True)
        days, self.day = np.unique(features["session"].to_numpy(), return_inverse=True)
        self.names, self.days = names, days
        self.state = None if state is None else _level(state, days)
        ahead = np.diff(self.symbol) * (len(days) + 1) + np.diff(self.day)
        if len(ahead) and int(ahead.min()) <= 0:
            msg = "a feature frame must be sorted by (symbol, session), one row each"
            raise ValueError(msg)

    def __len__(self) -> int:
        return len(self.symbol)

    @cached_property
    def row(self) -> Index:
        """How many rows of the same symbol stand before each row."""
        starts = np.flatnonzero(np.r_[True, self.symbol[1:] != self.symbol[:-1]])
        return np.arange(len(self)) - starts[self.symbol]

    @cached_property
    def close(self) -> Array:
        """The close of each row's session."""
        return self.frame["close"].to_numpy().astype(np.float64)

    @cached_property
    def realised(self) -> Array:
        """Log return from the symbol's row before to this one: NaN on a symbol's first row."""
        out = np.full(len(self), np.nan)
        out[1:] = np.log(self.close[1:] / self.close[:-1])
        out[self.row == 0] = np.nan
        return out

    def column(self, name: str) -> Array:
        """Return one feature as a contiguous float64 array, NaN where it isn't known."""
        # Polars turns null into NaN on the way; its own fill_null costs 0.3 ms a column: one row feels that.
        return self.once(("column", name), lambda: np.array(self.frame.get_column(name).to_numpy(), dtype=np.float64))

    def by_symbol(self, names: Sequence[str], values: Sequence[float]) -> Array:
        """Return each row's symbol's value, 0 for a symbol that isn't among `names`."""
        own = dict(zip(names, values, strict=True))
        return np.array([own.get(str(name), 0.0) for name in self.names])[self.symbol]

    def once(self, key: object, compute: Callable[[], Array]) -> Array:
        """Return what was computed under `key`, computing it the first time; candidates share a fold's panel."""
        if key not in self._cache:
            self._cache[key] = compute()
        return self._cache[key]

    def lagged(self, values: Array, lag: int, fill: float = 0.0) -> Array:
        """Return each row's value of `lag` rows before, within the symbol; `fill` where there is none."""
        if lag <= 0:
            return values
        out = np.full(len(values), fill)
        out[lag:] = values[:-lag]
        out[self.row < lag] = fill
        return out

    def decayed(self, values: Array, decay: float, doublings: int) -> Array:
        """Sum `decay**k` times the value k rows before, over the last `2**doublings` rows of the symbol."""
        return decayed(values, decay, doublings, self.lagged)

    def by_day(self, values: Array, keep: NDArray[np.bool_]) -> tuple[Array, Array]:
        """Sum `values` over the kept rows of each session, in symbol order; return sums and counts by session."""
        count = np.bincount(self.day[keep], minlength=len(self.days)).astype(np.float64)
        total = np.bincount(self.day[keep], weights=values[keep], minlength=len(self.days)).astype(np.float64)
        return total, count


def _level(state: pl.DataFrame, days: NDArray[np.datetime64]) -> Array:
    """Return the state's level at each session; NaN, and so no forecast, where it isn't known."""
    wanted = pl.DataFrame({"session": days}).join(state, on="session", how="left", maintain_order="left")
    return wanted["level"].fill_null(np.nan).to_numpy().copy()


def decayed(values: Array, decay: float, doublings: int, lagged: Callable[[Array, int], Array] | None = None) -> Array:
    """Sum `decay**k` times the value k places before, over the last `2**doublings` places; `lagged` says what is where.

    Without it, every place follows on the one before.
    """
    out, lag = values, 1
    for _ in range(doublings):
        out = out + decay**lag * (lagged or _lagged)(out, lag)
        lag *= 2
    return out


def _lagged(values: Array, lag: int) -> Array:
    return np.concatenate([np.zeros(lag), values])[: len(values)]


def weighted_sum(columns: list[Array], weights: Array, start: float) -> Array:
    """Add `weights[j] * columns[j]` to `start` column by column: BLAS would round by a row's place in the array."""
    out = np.full(len(columns[0]) if columns else 0, start)
    for column, weight in zip(columns, weights, strict=True):
        out += weight * column
    return out
