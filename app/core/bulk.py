"""Rows by the thousand: into a table as quickly as its database takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection, Table
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

BATCH: Final = 2_000
"""Rows of one statement where there is no COPY."""
Row = Sequence[Any]


def insert_rows(db: Session, table: Table, columns: Sequence[str], rows: Iterable[Row]) -> int:
    """Insert new rows, given as the columns' Python values, holding a few at a time; return how many.

    PostgreSQL takes them as one COPY, so that nothing else may be asked of the session while the rows are made.
    """
    connection = db.connection()
    plain = _spelled(connection, table, columns, rows)
    if connection.dialect.name == "postgresql":
        return copy(connection, table.name, columns, plain)
    statement = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    written = 0
    while batch := list(islice(plain, BATCH)):
        connection.exec_driver_sql(statement, batch)
        written += len(batch)
    return written


def copy(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Row]) -> int:
    """Send rows to PostgreSQL, as its driver takes them; return how many."""
    driver: Any = connection.connection.dbapi_connection
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
    written = 0
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as sent:
            for row in rows:
                sent.write_row(row)
                written += 1
    except connection.dialect.loaded_dbapi.Error as error:  # SQLAlchemy, which COPY goes past, would tell it so
        dialect = connection.dialect
        lost = dialect.is_disconnect(error, driver, None)
        if lost:
            connection.invalidate(error)
        raise DBAPIError.instance(
            statement, None, error, dialect.loaded_dbapi.Error, connection_invalidated=lost, dialect=dialect
        ) from error
    return written


def _spelled(connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[Row]) -> Iterator[Row]:
    """Yield rows as the driver takes them: instants in UTC, lists as JSON."""
    dialect = connection.dialect
    processors: list[Callable[[Any], Any] | None] = [
        table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in columns
    ]
    for row in rows:
        yield tuple(value if spell is None else spell(value) for spell, value in zip(processors, row, strict=True))
