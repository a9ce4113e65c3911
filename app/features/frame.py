"""The feature frame: the one place where bars become the numbers that models see, in training and in serving alike."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Mapping

import numpy as np
import polars as pl

from app.core.clock import Calendar
from app.features import market as markets
from app.features import sessions
from app.features.catalogue import FEATURES, SCALE_REGRESSORS, Feature
from app.features.panel import Columns, columns, compute

__all__ = [
    "CATEGORICAL",
    "FEATURES",
    "FEATURE_NAMES",
    "MAX_WINDOW",
    "SCALE_REGRESSORS",
    "WARM",
    "Feature",
    "build",
    "fingerprint",
    "market",
]

FEATURE_NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
MAX_WINDOW: int = max(feature.window for feature in FEATURES)
"""A symbol's newest row is bit-equal however many more bars than this stand before it."""

WARM: int = max(feature.first for feature in FEATURES)
"""The symbol's first row, counted from 0, on which every feature has its value."""

CATEGORICAL: tuple[str, ...] = ("symbol",)
"""Columns that a model may encode as categories, by name."""

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
) -> pl.DataFrame:
    """Return the features of each bar, known at that session's close, sorted by (symbol, session).

    Columns symbol (String), session and next_session (Date; the exchange's next session, which is forecast), close
    (Float64), warm (Boolean: every feature of the catalogue has its value), then the features asked for (Float64; null
    before a feature's first valid row). `context` is what `market` returned for the symbols that count as the market;
    without it, those of `bars` do. `newest` keeps only each symbol's last row. A session that the context doesn't know
    has null market features.
    """
    source = columns(bars)
    chosen = [_BY_NAME[name] for name in names]
    targets, of_calendar = sessions.tables(source.sessions, calendar)
    known = markets.context(bars) if context is None else context
    tables = {**markets.tables(known, source.sessions), **of_calendar}
    values = compute(source, {feature.name: feature.compute for feature in chosen}, tables, newest=newest)
    rows = source.ends if newest else slice(None)
    age = _age(source)[rows]
    for feature in chosen:
        values[feature.name][age < feature.first] = np.nan
    keys = source.frame.select("symbol", "session", "close")
    return (keys[rows] if newest else keys).select(
        "symbol",
        "session",
        pl.Series("next_session", targets[source.at[rows]]),
        "close",
        pl.Series("warm", age >= WARM),
        *(pl.Series(name, column, nan_to_null=True) for name, column in values.items()),
    )


def _age(source: Columns) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Return each bar's row number within its symbol, from 0."""
    starts, lengths = source.bounds[:-1], np.diff(source.bounds)
    return np.arange(source.frame.height) - np.repeat(starts, lengths)


def fingerprint(row_values: Mapping[str, float | None]) -> str:
    """Return the SHA-256 over the features' names and the bytes of their values, in the order given."""
    digest = hashlib.sha256()
    for name, value in row_values.items():
        digest.update(name.encode() + b"\0" + (b"null" if value is None else struct.pack("<d", value)))
    return digest.hexdigest()
