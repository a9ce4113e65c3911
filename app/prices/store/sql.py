"""The seam to the driver: bulk statements, and how each database spells dates and instants.

SQLModel reads and changes single rows: a symbol, an entry of quarantine. Text through this seam is for what comes by
the thousand or happens inside the database: histories into frames, upserts, revisions, summaries. Objects, and even
SQLAlchemy's rows, cost more there than the reading itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
from sqlmodel import Session

from app.prices.frame import BAR_SCHEMA, PRICES, VALUES

BAR_COLUMNS = ", ".join(BAR_SCHEMA)


def run(db: Session, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Run one statement with `?` for each value; return its rows, none for a statement without any."""
    result = db.connection().exec_driver_sql(_spelled(db, statement), tuple(values))
    # Straight from the driver: SQLAlchemy's rows cost as much again as the reading.
    rows = [] if result.cursor is None else list(result.cursor.fetchall())
    result.close()
    return rows


def change(db: Session, statement: str, values: Sequence[Any] = ()) -> int:
    """Run one statement that changes rows; return how many."""
    return db.connection().exec_driver_sql(_spelled(db, statement), tuple(values)).rowcount


def change_many(db: Session, statement: str, rows: list[tuple[Any, ...]]) -> None:
    """Run one statement once for each row of values."""
    if rows:
        db.connection().exec_driver_sql(_spelled(db, statement), rows)


def _spelled(db: Session, statement: str) -> str:
    return statement if is_sqlite(db) else statement.replace("?", "%s")


def is_sqlite(db: Session) -> bool:
    """Say whether the store is a SQLite file."""
    return bool(db.get_bind().dialect.name == "sqlite")


def instant(db: Session, moment: datetime) -> str:
    """Spell an instant as this database's column of `UtcDateTime` holds it."""
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    return text if is_sqlite(db) else f"{text}+00:00"


def day(value: date) -> str:
    """Spell a session."""
    return value.isoformat()


def to_date(value: str | date) -> date:
    """Read a session: SQLite keeps text."""
    return date.fromisoformat(value) if isinstance(value, str) else value


def to_instant(value: str | datetime) -> datetime:
    """Read an instant: SQLite keeps text without a time zone."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def marks(count: int) -> str:
    """Return `?, ?, …` for a list of values."""
    return ", ".join("?" * count)


def among(db: Session) -> str:
    """Return what follows `IN` for any number of texts in one value: `json.dumps` of their list."""
    listed = "json_each(?)" if is_sqlite(db) else "json_array_elements_text(CAST(? AS json)) AS listed(value)"
    return f"(SELECT value FROM {listed})"


def frame(db: Session, statement: str, values: Sequence[Any], schema: dict[str, pl.DataType]) -> pl.DataFrame:
    """Run a query and return its rows as a frame of this schema."""
    rows = run(db, statement, values)
    raw = pl.DataFrame(rows, schema=list(schema), orient="row", infer_schema_length=None)
    return raw.select(_read(pl.col(name), raw.schema[name], dtype) for name, dtype in schema.items())


def _read(column: pl.Expr, found: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    if found == pl.String() and wanted == pl.Date():
        return column.str.to_date("%Y-%m-%d")
    if found == pl.String() and isinstance(wanted, pl.Datetime):
        return column.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", time_zone="UTC")
    return column.cast(wanted)


def newest(db: Session, bars: str, values: list[Any], last: int | None) -> tuple[str, list[Any]]:
    """Narrow a table of one symbol's bars and its values to the `last` newest: a range again, read in its order."""
    if last is None:
        return bars, values
    first = run(db, f"SELECT session FROM {bars} ORDER BY session DESC LIMIT 1 OFFSET ?", [*values, last - 1])
    return bars + " AND session >= ?" * len(first), [*values, *(day(to_date(one)) for (one,) in first)]


def bars_of(
    db: Session,
    symbols: Sequence[str],
    where: str = "",
    values: Sequence[Any] = (),
    last: int | None = None,
    table: str = "bar",
) -> pl.DataFrame:
    """Return the bars of symbols as a bar frame, oldest first, only the `last` newest of each if given.

    Each symbol is one range of the table. Sessions come as one text and numbers as one array: thrice as quick as a
    frame from rows. Volumes pass through floats, which are exact up to 9e15.
    """
    import numpy as np

    bars = f"{table} WHERE symbol = ?{where}"
    joined = "group_concat(session, '')" if is_sqlite(db) else "string_agg(CAST(session AS TEXT), '')"
    days, blocks = "", []
    for symbol in symbols:
        its, bound = newest(db, bars, [symbol, *values], last)
        ordered = f"(SELECT session FROM {its} ORDER BY session) AS ordered"
        days += run(db, f"SELECT {joined} FROM {ordered}", bound)[0][0] or ""
        rows = run(db, f"SELECT {', '.join(VALUES)} FROM {its} ORDER BY session", bound)
        blocks.append(np.array(rows, dtype=np.float64).reshape(-1, len(VALUES)))
    numbers = np.ascontiguousarray(np.concatenate(blocks).T) if blocks else np.empty((len(VALUES), 0))
    owners = np.repeat(np.arange(len(blocks), dtype=np.uint32), [len(block) for block in blocks])
    columns = dict(zip(VALUES, numbers, strict=True))
    return pl.DataFrame(
        [
            pl.Series("symbol", symbols, dtype=pl.String).gather(owners),
            pl.Series("session", np.frombuffer(days.encode(), dtype="S10").astype("datetime64[D]")),
            *(pl.Series(name, columns[name]) for name in PRICES),
            pl.Series("volume", columns["volume"].astype(np.int64)),
            pl.Series("adj_close", columns["adj_close"], nan_to_null=True),
        ]
    )
