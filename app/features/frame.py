"""The feature frame: the one place where bars become the numbers that models see, in training and in serving alike."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from app.core.clock import Calendar

MAX_WINDOW = 600
"""The newest row of a symbol is bit-equal however many more bars than this stand before it."""


@dataclass(frozen=True)
class Feature:
    """One column of the feature frame: what it is, and how far back it looks."""

    name: str
    formula: str
    window: int
    source: str
    group: str


FEATURES: tuple[Feature, ...] = ()
FEATURE_NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
SCALE_REGRESSORS: tuple[str, ...] = ()
"""The features that the volatility model is linear in."""
CATEGORICAL: tuple[str, ...] = ("symbol",)
"""Columns that a model may encode as categories, by name."""


def market(bars: pl.DataFrame) -> pl.DataFrame:
    """Return the market context of each session, over the symbols of `bars`, sorted by session."""
    raise NotImplementedError


def build(
    bars: pl.DataFrame,
    calendar: Calendar,
    context: pl.DataFrame | None = None,
    *,
    newest: bool = False,
) -> pl.DataFrame:
    """Return symbol, session, next_session, close, warm and the features, sorted by (symbol, session).

    `context` is what `market` returned for the symbols that count as the market; without it, those of `bars` do.
    `newest` keeps only each symbol's last row.
    """
    raise NotImplementedError


def fingerprint(row_values: Mapping[str, float | None]) -> str:
    """Return the SHA-256 over the features' names and the bytes of their values, in the order given."""
    digest = hashlib.sha256()
    for name, value in row_values.items():
        digest.update(name.encode() + b"\0" + (b"null" if value is None else struct.pack("<d", value)))
    return digest.hexdigest()
