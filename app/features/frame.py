"""The feature frame: the one place where bars become the numbers that models see, in training and in serving alike."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Mapping

import numpy as np
import polars as pl

from app.core.clock import Calendar
from app.features.catalogue import FEATURES
from app.features.engine.feature import compute
from app.features.engine.panel import Columns, Days, Index, Vector, columns
from app.features.market import context as markets
from app.features.market import event_days, ranks, sessions, volatility_index

FEATURE_NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
MAX_WINDOW: int = max(feature.window for feature in FEATURES)
"""A symbol's newest row is bit-equal however many more bars than this stand before it."""

WARM: int = max(feature.first for feature in FEATURES)
"""The symbol's first row, counted from 0, on which every feature has its value."""

_BY_NAME = {feature.name: feature for feature in FEATURES}


def market(bars: pl.DataFrame) -> pl.DataFrame:
    """Return the market context of each session, over the symbols of `bars`, sorted by session.

    The rows of the last sessions don't change when bars older than MAX_WINDOW sessions are left away.
    """
    return markets.context(bars)


def build(
    bars: pl.DataFrame,
    calendar: Calendar,
    context: pl.DataFrame | None = None,
    *,
    newest: bool = False,
    names: Iterable[str] = FEATURE_NAMES,
    events: pl.DataFrame | None = None,
    series: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return the features of each bar, known at that session's close, sorted by (symbol, session).

    Columns symbol (String), session and next_session (Date; the exchange's next session, which is forecast), close
    (Float64), warm (Boolean: every feature of the catalogue is past its first row), then the features asked for
    (Float64; null before a feature's first valid row). `context` is what `market` returned for the symbols that count
    as the market; without it, those of `bars` do. `newest` keeps only each symbol's last row. A session that the
    context doesn't know has null market features. `events` are earnings days (`EVENT_SCHEMA`), used from the close at
    which each was known; without them nothing is known. `series` are bars of market series; without those, the
    features of the volatility index are null.
    """
    source = columns(bars)
    chosen = [_BY_NAME[name] for name in names]
    known = market(bars) if context is None else context
    targets, of_calendar = sessions.tables(source.sessions, calendar)
    of_index = volatility_index.tables(series, source.sessions)
    tables = {**markets.tables(known, source.sessions), **of_calendar, **of_index}
    values = compute(source, chosen, tables, event_days.beside(source, events, calendar), newest=newest)
    rows = source.ends if newest else slice(None)
    _to_ranks(values, source.at[rows], known, source.sessions)
    keys = {
        "symbol": source.frame["symbol"],
        "session": source.frame["session"],
        "next_session": pl.Series(targets[source.at]),
        "close": source.frame["close"],
        "warm": pl.Series(_age(source) >= WARM),
    }
    if newest:
        return pl.DataFrame({name: column[source.ends] for name, column in keys.items()}).hstack(_by_rows(values))
    return pl.DataFrame([column.alias(name) for name, column in keys.items()] + _columns(values))


def _by_rows(values: dict[str, Vector]) -> pl.DataFrame:
    """Return the columns as a frame, made row by row: a series for each column would cost more than its few values."""
    matrix = np.column_stack(list(values.values())) if values else np.zeros((0, 0))
    rows = [[None if value != value else value for value in row] for row in matrix.tolist()]  # noqa: PLR0124 - NaN
    return pl.DataFrame(rows, schema=dict.fromkeys(values, pl.Float64), orient="row")


def _columns(values: dict[str, Vector]) -> list[pl.Series]:
    """Return the columns with NaN as null, on the memory they stand in: a copy of a large frame takes its seconds."""
    import pyarrow as pa

    found = []
    for name, column in values.items():
        there = ~np.isnan(column)
        mask = None if there.all() else pa.py_buffer(np.packbits(there, bitorder="little"))
        buffers = [mask, pa.py_buffer(column)]
        found.append(pl.Series(name, pa.Array.from_buffers(pa.float64(), len(column), buffers)))
    return found


def _to_ranks(values: dict[str, Vector], at: Index, known: pl.DataFrame, days: Days) -> None:
    """Turn the values of the rank features into ranks among those of their session."""
    wanted = [name for name in values if name in ranks.COLUMN]
    if not wanted:
        return
    of_bar = markets.positions(known, days)[at]
    used = np.zeros(known.height + 1, dtype=np.bool_)
    used[of_bar] = True
    used[-1] = False
    place = np.where(of_bar < 0, -1, (np.cumsum(used) - 1)[of_bar])
    for name in wanted:
        values[name] = ranks.rank(values[name], place, known[ranks.COLUMN[name]].to_numpy()[used[:-1]])


def _age(source: Columns) -> Index:
    """Return each bar's row number within its symbol, from 0."""
    starts, lengths = source.bounds[:-1], np.diff(source.bounds)
    return np.arange(len(source.at)) - np.repeat(starts, lengths)


def fingerprint(row_values: Mapping[str, float | None]) -> str:
    """Return the SHA-256 over the features' names and the bytes of their values, in the order given."""
    digest = hashlib.sha256()
    for name, value in row_values.items():
        digest.update(name.encode() + b"\0" + (b"null" if value is None else struct.pack("<d", value)))
    return digest.hexdigest()
