"""The chain: rows of an append-only table, each hashed over its own fields and the hash of the row before."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Table
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, SQLModel, select, text

from app.core import bulk
from app.forecasts.ledger.tables import Link

FIRST_HASH: Final = "0" * 64
"""What the first row carries as the hash of the row before it."""
_PAGE: Final = 1000
_ORDER: Final = ("seq", "previous_hash", "hash")
_LINK: Final = frozenset(_ORDER)


@dataclass(frozen=True)
class Mark:
    """A place in a chain: a row's number and its hash."""

    seq: int = 0
    hash: str = FIRST_HASH


@dataclass(frozen=True)
class ChainReport:
    """Whether every row of a table carries the hash it was written with; `broken` tells the first that doesn't.

    `mark` stands for the rows that hold: the last one's hash is over all before it.
    """

    table: str
    mark: Mark
    broken: str | None

    @property
    def rows(self) -> int:
        """Count the rows that were looked at, now or before."""
        return self.mark.seq

    @property
    def intact(self) -> bool:
        """Say whether the chain holds from its first row to its last."""
        return self.broken is None


def lock(db: Session, table: type[Link]) -> None:
    """Let one transaction at a time append; SQLite's write transaction is that lock already."""
    if db.get_bind().dialect.name == "postgresql":
        db.connection().execute(text(f"LOCK TABLE {table.__tablename__} IN SHARE ROW EXCLUSIVE MODE"))


def append(db: Session, table: type[Link], values: Iterable[SQLModel]) -> int:
    """Write values as the table's next rows, a few in memory at a time; return how many. The caller holds the lock."""
    rows: Table = table.__table__  # type: ignore[attr-defined]  # SQLModel adds it to a table
    newest = select(rows.c.seq, rows.c.hash).order_by(rows.c.seq.desc()).limit(1)
    last = db.connection().execute(newest).first()
    names = [name for name in rows.c.keys() if name not in _LINK]  # noqa: SIM118 - a collection of columns, no dict
    return bulk.insert_rows(db, rows, [*names, *_ORDER], _linked(values, names, Mark(*last) if last else Mark()))


def _linked(values: Iterable[SQLModel], names: Sequence[str], at: Mark) -> Iterator[tuple[Any, ...]]:
    """Yield each value's fields, its number, the hash before, and its own."""
    for value in values:
        fields = dict(value)
        following = Mark(at.seq + 1, _digest(at.hash, fields))
        yield (*(fields[name] for name in names), following.seq, at.hash, following.hash)
        at = following


def verify(db: Session, table: type[Link], since: Mark | None = None) -> ChainReport:
    """Recompute every hash from the first row on; in SQLite look over the file's pages too.

    With `since` the rows up to that place count as looked at, if it still is what it was; and pages aren't.
    """
    columns, name = table.__table__, str(table.__tablename__)  # type: ignore[attr-defined]  # as above
    at, size = since if since and _stands(db, columns, since) else Mark(), _PAGE
    query = select(columns).order_by(columns.c.seq)
    while True:
        try:
            page = db.connection().execute(query.where(columns.c.seq > at.seq).limit(size)).mappings().all()
        except (ValueError, DBAPIError):  # a damaged row can't even be read: look at them one by one
            if size == 1:
                return ChainReport(name, at, f"row {at.seq + 1} can't be read")
            size = 1
            continue
        if not page:
            return ChainReport(name, at, None if since else _damage(db, name))
        for row in page:
            fields = {key: value for key, value in row.items() if key not in _LINK}
            following = Mark(at.seq + 1, _digest(at.hash, fields))
            if (row["seq"], row["previous_hash"], row["hash"]) != (following.seq, at.hash, following.hash):
                identity = fields.get("forecast_id") or fields.get("id")
                wrong = f"row {following.seq} ({identity}) isn't what was written, or is missing"
                return ChainReport(name, following, wrong)
            at = following


def _stands(db: Session, columns: Any, mark: Mark) -> bool:
    found = db.connection().execute(select(columns.c.hash).where(columns.c.seq == mark.seq)).scalar()
    return bool(found == mark.hash)


def _damage(db: Session, table: str) -> str | None:
    """Return what SQLite finds wrong with a table's pages and indexes."""
    if db.get_bind().dialect.name != "sqlite":
        return None
    found = db.connection().exec_driver_sql(f"PRAGMA integrity_check('{table}')").scalar()
    return None if found == "ok" else str(found)


def _digest(previous_hash: str, fields: Mapping[str, Any]) -> str:
    """Return the sha256 over a hash and fields as JSON with sorted keys: ISO 8601 in UTC, floats with every digit."""
    document = json.dumps(fields, sort_keys=True, default=lambda day: day.isoformat())
    return sha256((previous_hash + document).encode()).hexdigest()
