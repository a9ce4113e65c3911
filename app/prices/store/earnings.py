"""Earnings days: as frames, what was known of them at an instant; as a list for people, what is known now."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

import polars as pl
from sqlmodel import Session, col, select

from app.prices.frame import EVENT_SCHEMA
from app.prices.store import sql
from app.prices.store.tables import EarningsDay, EventRow

EARNINGS: Final = "earnings"
_REPORTED: Final = {**EVENT_SCHEMA, "first_seen": EVENT_SCHEMA["known_at"], "id": pl.Int64()}


def events(
    db: Session, symbols: Sequence[str] | None = None, at: datetime | None = None, start: date | None = None
) -> pl.DataFrame:
    """Return the earnings days of all (or these) symbols in `EVENT_SCHEMA`, as the store knew them at an instant.

    Only those from `start` on, where it is given.

    Without `at`, as it knows them now. With it, rows seen later are left out, and those that have ended since are
    open. Where one day is reported twice (timing unknown at first, then after the close), the earlier report ends when
    the later counts as known, and is left out where that is no later than its own.
    """
    where, values = " WHERE kind = ?", [EARNINGS]
    if at is not None:
        where, values = where + " AND first_seen <= ?", [*values, sql.instant(db, at)]
    if start is not None:
        where, values = where + " AND date >= ?", [*values, sql.day(start)]
    if symbols is not None:
        where, values = f"{where} AND symbol IN {sql.among(db)}", [*values, json.dumps(list(symbols))]
    reported = sql.frame(db, f"SELECT {', '.join(_REPORTED)} FROM event{where}", values, _REPORTED)
    return _one_report(reported, at)


def earnings_days(
    db: Session, symbols: Sequence[str] | None = None, start: date | None = None, end: date | None = None
) -> list[EarningsDay]:
    """Return the days in [start, end] that are believed now, of all (or these) symbols, oldest first."""
    query = select(EventRow).where(col(EventRow.ended_at).is_(None)).order_by(col(EventRow.date), col(EventRow.symbol))
    if start is not None:
        query = query.where(col(EventRow.date) >= start)
    if end is not None:
        query = query.where(col(EventRow.date) <= end)
    if symbols is not None:
        query = query.where(col(EventRow.symbol).in_(symbols))
    return [EarningsDay.model_validate(row) for row in db.exec(query).all()]


def events_version(db: Session) -> str:
    """Return a text that changes whenever a day is reported, corrected, or ends."""
    newest, ended = "SELECT max(id) FROM event", "SELECT count(*) FROM event WHERE ended_at IS NOT NULL"
    return "/".join(str(number) for number in sql.run(db, f"SELECT ({newest}), ({ended})")[0])


def _one_report(reported: pl.DataFrame, at: datetime | None) -> pl.DataFrame:
    """Open what ended after `at`, and let no two rows of one symbol and date be believed at once."""
    open_now = at is None and reported["ended_at"].null_count() == len(reported)
    if open_now and reported.select("symbol", "date").is_unique().all():  # the usual case, at half the cost
        return reported.select(*EVENT_SCHEMA).sort("symbol", "date", "known_at")
    ended = pl.col("ended_at") if at is None else pl.when(pl.col("ended_at") <= at).then("ended_at")
    later = pl.col("known_at").shift(-1).cum_min(reverse=True)
    # The same day and timing, reported in place of this row: since when it is known was reported wrong before.
    corrected = (pl.col("first_seen").shift(-1) == pl.col("ended_at")) & (
        pl.col("timing").shift(-1) == pl.col("timing")
    )
    replaced = pl.when(corrected).then("known_at").otherwise(later)
    clipped = (
        reported.lazy()  # one plan: a few rows cost eight times as much step by step
        .sort("first_seen", "id")
        .with_columns(pl.min_horizontal(ended, replaced.over("symbol", "date")).alias("ended_at"))
    )
    believed = clipped.filter(pl.col("ended_at").is_null() | (pl.col("ended_at") > pl.col("known_at")))
    return believed.select(*EVENT_SCHEMA).sort("symbol", "date", "known_at").collect()
