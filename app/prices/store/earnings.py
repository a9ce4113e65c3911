"""Earnings days: as frames, what was known of them at an instant; as a list for people, what is known now."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

import polars as pl
from sqlmodel import Session

from app.prices.frame import EVENT_SCHEMA
from app.prices.store import sql
from app.prices.store.tables import EarningsDay

EARNINGS: Final = "earnings"
_BELIEVED: Final = f"""
WITH reported AS (
  SELECT symbol, date, timing, known_at, {{ended_at}} AS ended_at,
    CASE WHEN lead(first_seen) OVER later = ended_at AND lead(timing) OVER later = timing THEN known_at
      ELSE min(known_at) OVER (later ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) END AS replaced_at
  FROM event WHERE {{where}} WINDOW later AS (PARTITION BY symbol, date ORDER BY first_seen, id)
), clipped AS (
  SELECT symbol, date, timing, known_at,
    CASE WHEN ended_at IS NULL OR replaced_at < ended_at THEN replaced_at ELSE ended_at END AS ended_at FROM reported
)
SELECT {", ".join(EVENT_SCHEMA)} FROM clipped WHERE ended_at IS NULL OR ended_at > known_at
ORDER BY symbol, date, known_at
"""
"""Lets no two rows of one symbol and date be believed at once: each ends when a later one counts as known.

Where the next row of a day has the same timing and was seen when this one ended, only since when the day is known was
wrong: this one is left out.
"""

_DAY: Final = tuple(EarningsDay.model_fields)

Event = tuple[str, date, str, datetime, datetime | None]
"""A row of `EVENT_SCHEMA`."""


def events(
    db: Session, symbols: Sequence[str] | None = None, at: datetime | None = None, start: date | None = None
) -> pl.DataFrame:
    """Return the earnings days of all (or these) symbols in `EVENT_SCHEMA`, as the store knew them at an instant.

    Only those from `start` on, where it is given.

    Without `at`, as it knows them now. With it, rows seen later are left out, and those that have ended since are
    open. Where one day is reported twice (timing unknown at first, then after the close), the earlier report ends when
    the later counts as known, and is left out where that is no later than its own.
    """
    return sql.frame(db, *_believed(db, symbols, at, start), EVENT_SCHEMA)


def event_rows(db: Session, symbols: Sequence[str], at: datetime, start: date) -> list[Event]:
    """Return what `events` does as plain rows, for few symbols: a frame costs them many times as much."""
    return [
        (symbol, sql.to_date(day), timing, sql.to_instant(known_at), ended_at and sql.to_instant(ended_at))
        for symbol, day, timing, known_at, ended_at in sql.run(db, *_believed(db, symbols, at, start))
    ]


def _believed(
    db: Session, symbols: Sequence[str] | None, at: datetime | None, start: date | None
) -> tuple[str, list[str]]:
    """Return the statement and its values."""
    where, values, ended_at = "kind = ?", [EARNINGS], "ended_at"
    if at is not None:
        moment, ended_at = sql.instant(db, at), "CASE WHEN ended_at <= ? THEN ended_at END"
        where, values = f"{where} AND first_seen <= ?", [moment, *values, moment]
    chosen, bound = _chosen(db, symbols, start)
    return _BELIEVED.format(ended_at=ended_at, where=where + chosen), values + bound


def _chosen(
    db: Session, symbols: Sequence[str] | None, start: date | None, end: date | None = None
) -> tuple[str, list[str]]:
    """Return conditions on symbols and days, of what is asked at all, and their values."""
    where, values = "", list[str]()
    for condition, day in (("date >= ?", start), ("date <= ?", end)):
        if day is not None:
            where, values = f"{where} AND {condition}", [*values, sql.day(day)]
    if symbols is not None:
        where, values = f"{where} AND symbol IN {sql.among(db)}", [*values, json.dumps(list(symbols))]
    return where, values


def earnings_days(
    db: Session, symbols: Sequence[str] | None = None, start: date | None = None, end: date | None = None
) -> list[EarningsDay]:
    """Return the days in [start, end] that are believed now, of all (or these) symbols, oldest first."""
    where, values = _chosen(db, symbols, start, end)
    query = f"SELECT {', '.join(_DAY)} FROM event WHERE ended_at IS NULL{where} ORDER BY date, symbol"
    rows = sql.run(db, query, values)
    return [_day(dict(zip(_DAY, row, strict=True))) for row in rows]


def _day(row: dict[str, Any]) -> EarningsDay:
    instants = {name: sql.to_instant(row[name]) for name in ("known_at", "first_seen", "last_seen")}
    return EarningsDay(**{**row, "date": sql.to_date(row["date"]), **instants})


def events_version(db: Session) -> str:
    """Return a text that changes whenever a day is reported, corrected, or ends."""
    newest, ended = "SELECT max(id) FROM event", "SELECT count(*) FROM event WHERE ended_at IS NOT NULL"
    return "/".join(str(number) for number in sql.run(db, f"SELECT ({newest}), ({ended})")[0])
