"""Rows by the thousand: into a table as quickly as its database takes them, and a whole store into an empty one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection, Table, func, inspect, select
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, SQLModel

from app.core import postgres
from app.core.db import Database
from app.core.errors import BadInput, CheckFailed
from app.core.progress import Progress, silent, within

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


@dataclass(frozen=True)
class TableCopy:
    """A table that was copied: how many rows, and the sha256 over them in the order of their key, alike on both."""

    table: str
    rows: int
    sha256: str


def copy_store(source: Database, target: Database, progress: Progress = silent) -> list[TableCopy]:
    """Copy all rows of a migrated store into an empty one, in one transaction that ends well only if both are alike.

    Each table is read once more from the target and hashed, row by row in the order of its key.
    Errors: `BadInput` for a target that holds rows, `CheckFailed` for a table that came out otherwise or isn't known.
    """
    with source.read() as old, target.write() as new:
        if held := [name for name, (_, rows) in _sizes(new.connection()).items() if rows]:
            raise BadInput(f"the target isn't empty (rows in {', '.join(held)}): name an empty database")
        if not target.is_sqlite:
            postgres.take_time(new.connection())
        sizes = _sizes(old.connection())
        total, done, copied = sum(rows for _, rows in sizes.values()) or 1, 0, []
        for table, rows in sizes.values():
            part = within(progress, done / total, (done + rows) / total)
            copied.append(_copy_table(table, max(rows, 1), old.connection(), new, part))
            done += rows
        if not target.is_sqlite:
            postgres.settle(new.connection(), list(sizes))
    progress(1.0, "done")
    return copied


def _copy_table(table: Table, count: int, old: Connection, new: Session, progress: Progress) -> TableCopy:
    """Copy a table's rows, read them back, and hold both hashes against each other."""
    sent, back = _Hash(), _Hash()
    copying, checking = within(progress, 0.0, 0.6), within(progress, 0.6, 1.0)

    def passing() -> Iterator[Row]:
        for rows in _batches(old, table):
            sent.add(rows)
            copying(sent.rows / count, f"copying {table.name}")
            yield from rows

    insert_rows(new, table, [column.name for column in table.columns], passing())
    for rows in _batches(new.connection(), table):
        back.add(rows)
        checking(back.rows / count, f"checking {table.name}")
    if (sent.rows, sent.text) != (back.rows, back.text):
        raise CheckFailed(
            f"{table.name}: {sent.rows} rows were copied, and {back.rows} came back, not all of them alike"
        )
    return TableCopy(table.name, sent.rows, sent.text)


class _Hash:
    """A sha256 over rows as JSON: floats with every digit, dates and instants (in UTC) as ISO 8601."""

    def __init__(self) -> None:
        self.rows = 0
        self._digest = sha256()

    @property
    def text(self) -> str:
        """Return the hash so far."""
        return self._digest.hexdigest()

    def add(self, rows: Sequence[Row]) -> None:
        """Take some rows more."""
        self.rows += len(rows)
        self._digest.update(json.dumps(rows, sort_keys=True, default=lambda value: value.isoformat()).encode())


def _sizes(connection: Connection) -> dict[str, tuple[Table, int]]:
    """Return every table of a store and how many rows it has, those that others refer to first."""
    known = SQLModel.metadata.sorted_tables
    if strange := set(inspect(connection).get_table_names()) - {table.name for table in known} - {"alembic_version"}:
        raise CheckFailed(f"the store has tables that this program doesn't know: {', '.join(sorted(strange))}")
    count = select(func.count())
    return {table.name: (table, connection.execute(count.select_from(table)).scalar_one()) for table in known}


def _batches(connection: Connection, table: Table) -> Iterator[list[Row]]:
    """Yield all rows in the order of their key, some at a time."""
    query = select(table).order_by(*table.primary_key.columns)
    with connection.execute(query, execution_options={"yield_per": BATCH}) as result:
        for part in result.partitions():
            yield [tuple(row) for row in part]
