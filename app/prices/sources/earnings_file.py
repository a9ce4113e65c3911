"""Earnings days from CSV and Parquet files, read strictly: what can't be read is reported with its row and value."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import polars as pl

from app.core.clock import calendar
from app.core.errors import InvalidSymbol, MalformedFile
from app.prices.frame import REPORTED_SCHEMA, TIMINGS
from app.prices.sources import columns, staging
from app.prices.symbols import is_series, normalise

ALIASES: Final = {
    "symbol": ("symbol", "ticker"),
    "session": ("date", "earnings_date"),
    "timing": ("timing",),
    "known_at": ("known_at",),
}
_DAYS: Final = (date(1961, 1, 1), date(2100, 1, 1))
_SHOWN: Final = 40


def read(path: Path) -> pl.DataFrame:
    """Return a file's days in `frame.REPORTED_SCHEMA`, sorted, each (symbol, date) once.

    Errors: `MalformedFile` naming file, row and value; a day that comes twice and says two things is one.
    """
    try:
        with TemporaryDirectory(prefix="events-") as folder:
            scanned, first_row = staging.scan(path, Path(folder))
            rows = _renamed(path, scanned).collect()
    except staging.UNREADABLE as error:
        raise MalformedFile(f"{path.name}: it can't be read: {str(error).splitlines()[0]}") from error
    if rows.is_empty():
        raise MalformedFile(f"{path.name}: it has no rows")
    reported = [_reported(path.name, at, row) for at, row in enumerate(rows.iter_rows(), start=first_row)]
    return _each_once(path.name, first_row, pl.DataFrame(reported, schema=REPORTED_SCHEMA, orient="row"))


def _renamed(path: Path, scanned: pl.LazyFrame) -> pl.LazyFrame:
    """Return symbol, date as written and as read, timing and known_at as written."""
    schema = scanned.collect_schema()
    names = [name for name in schema.names() if name != staging.ROW]
    found = columns.columns_of(names, ALIASES)
    if missing := [shown for shown, ours in (("symbol", "symbol"), ("date", "session")) if ours not in found]:
        raise MalformedFile(f"{path.name}: no column {', '.join(missing)}; found {', '.join(names) or 'nothing'}")
    named = scanned.select(pl.col(theirs).alias(ours) for ours, theirs in found.items())
    absent = [pl.lit(None, pl.String).alias(name) for name in ("timing", "known_at") if name not in found]
    day = columns.session_of(schema[found["session"]]).alias("day")
    return named.with_columns(*absent, day).select("symbol", "session", "day", "timing", "known_at")


def _reported(file: str, at: int, row: tuple[Any, ...]) -> tuple[str, date, str, datetime | None]:
    symbol, written, day, timing, known_at = row
    if day is None or not _DAYS[0] <= day <= _DAYS[1]:
        raise MalformedFile(
            f"{file}, row {at}: date {_shown(written)} can't be read; a day is written year first, as in 2020-01-31"
        )
    return _symbol(file, at, symbol), day, _timing(file, at, timing), _instant(file, at, known_at)


def _shown(value: object) -> str:
    return repr("" if value is None else str(value)[:_SHOWN])


def _symbol(file: str, at: int, text: object) -> str:
    try:
        symbol = normalise("" if text is None else str(text))
    except InvalidSymbol as error:
        raise MalformedFile(f"{file}, row {at}: symbol {error.detail}") from error
    if is_series(symbol):
        raise MalformedFile(f"{file}, row {at}: symbol {symbol} is a market series; it has no results to tell")
    return symbol


def _timing(file: str, at: int, text: object) -> str:
    reports = "" if text is None else str(text).strip().lower()
    timing = reports or "unknown"
    if timing not in TIMINGS:
        raise MalformedFile(f"{file}, row {at}: timing {_shown(text)} is none of {', '.join(TIMINGS)}")
    return timing


def _instant(file: str, at: int, value: object) -> datetime | None:
    """Read an instant: without a time zone it is UTC; a day alone counts from its end in New York."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        read = datetime.fromisoformat(value.strip()) if isinstance(value, str) else value
        is_day = not isinstance(read, datetime) or (isinstance(value, str) and len(value.strip()) <= len("2020-01-31"))
        if isinstance(read, date) and is_day:
            return datetime.combine(read, time.max, tzinfo=calendar().timezone).astimezone(UTC)
        if isinstance(read, datetime):
            return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise MalformedFile(
        f"{file}, row {at}: known_at {_shown(value)} can't be read; an instant is written as in 2020-01-31T21:00:00Z"
    )


def _each_once(file: str, first_row: int, reported: pl.DataFrame) -> pl.DataFrame:
    """Drop rows that repeat another one; refuse those that contradict one."""
    numbered = reported.with_row_index("row", first_row).unique(
        list(REPORTED_SCHEMA), keep="first", maintain_order=True
    )
    twice = numbered.filter(~pl.struct("symbol", "date").is_first_distinct())
    if not twice.is_empty():
        row, symbol, day, *_ = twice.row(0)
        raise MalformedFile(f"{file}, row {row}: {symbol} {day} stands above already, and says something else")
    return numbered.select(*REPORTED_SCHEMA).sort("symbol", "date")
