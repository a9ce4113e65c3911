"""Earnings days as frames: what was known of them at an instant."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import polars as pl
from sqlmodel import Session

from app.prices.frame import EVENT_SCHEMA
from app.prices.store import sql

EARNINGS: Final = "earnings"
_TELLING: Final = {**EVENT_SCHEMA, "first_seen": EVENT_SCHEMA["known_at"]}


def events(db: Session, symbols: Sequence[str] | None = None, at: datetime | None = None) -> pl.DataFrame:
    """Return the earnings days of all (or these) symbols in `EVENT_SCHEMA`, as the store knew them at an instant.

    Without `at`, as it knows them now. With it, rows seen later are left out, and those that have ended since are
    open. Where one day is told twice (timing unknown at first, then after the close), the earlier telling ends when
    the later counts as known, and is left out where that is no later than its own.
    """
    where, values = " WHERE kind = ?", [EARNINGS]
    if at is not None:
        where, values = where + " AND first_seen <= ?", [*values, sql.instant(db, at)]
    if symbols is not None:
        where, values = f"{where} AND symbol IN {sql.among(db)}", [*values, json.dumps(list(symbols))]
    told = sql.frame(db, f"SELECT {', '.join(_TELLING)} FROM event{where}", values, _TELLING)
    return _one_telling(told, at)


def _one_telling(told: pl.DataFrame, at: datetime | None) -> pl.DataFrame:
    """Open what ended after `at`, and let no two rows of one symbol and date be believed at once."""
    ended = pl.col("ended_at") if at is None else pl.when(pl.col("ended_at") <= at).then("ended_at")
    replaced = pl.col("known_at").shift(-1).over("symbol", "date", order_by="first_seen")
    clipped = told.with_columns(pl.min_horizontal(ended, replaced).alias("ended_at"))
    believed = clipped.filter(pl.col("ended_at").is_null() | (pl.col("ended_at") > pl.col("known_at")))
    return believed.select(*EVENT_SCHEMA).sort("symbol", "date", "known_at")
