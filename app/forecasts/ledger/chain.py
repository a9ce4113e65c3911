"""The chain: rows of an append-only table, each hashed over its own fields and the hash of the row before."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, SQLModel, insert, select, text

from app.forecasts.ledger.tables import Link

FIRST_HASH: Final = "0" * 64
"""What the first row carries as the hash of the row before it."""
_PAGE: Final = 1000
_LINK: Final = frozenset(Link.model_fields)


@dataclass(frozen=True)
class ChainReport:
    """Whether every row of a table carries the hash it was written with; `broken` tells the first that doesn't."""

    table: str
    rows: int
    broken: str | None

    @property
    def intact(self) -> bool:
        """Say whether the chain holds from its first row to its last."""
        return self.broken is None


def lock(db: Session, table: type[Link]) -> None:
    """Let one transaction at a time append; SQLite's write transaction is that lock already."""
    if db.get_bind().dialect.name == "postgresql":
        db.connection().execute(text(f"LOCK TABLE {table.__tablename__} IN SHARE ROW EXCLUSIVE MODE"))


def append(db: Session, table: type[Link], values: Sequence[SQLModel]) -> None:
    """Write values as the table's next rows, in one statement; the caller holds the lock."""
    columns = table.__table__.c  # type: ignore[attr-defined]  # SQLModel adds it to a table
    last = db.connection().execute(select(columns.seq, columns.hash).order_by(columns.seq.desc()).limit(1)).first()
    seq, digest = (0, FIRST_HASH) if last is None else last
    rows: list[dict[str, Any]] = []
    for value in values:
        previous, fields = digest, dict(value)
        seq, digest = seq + 1, _digest(previous, fields)
        rows.append({**fields, "seq": seq, "previous_hash": previous, "hash": digest})
    if rows:
        db.connection().execute(insert(table), rows)


def verify(db: Session, table: type[Link]) -> ChainReport:
    """Recompute every hash from the first row on; in SQLite look over the file's pages too."""
    columns, name = table.__table__, str(table.__tablename__)  # type: ignore[attr-defined]  # as above
    digest, count, size = FIRST_HASH, 0, _PAGE
    query = select(columns).order_by(columns.c.seq)
    while True:
        try:
            page = db.connection().execute(query.where(columns.c.seq > count).limit(size)).mappings().all()
        except (ValueError, DBAPIError):  # a damaged row can't even be read: look at them one by one
            if size == 1:
                return ChainReport(name, count, f"row {count + 1} can't be read")
            size = 1
            continue
        if not page:
            return ChainReport(name, count, _damage(db, name))
        for row in page:
            count += 1
            fields = {key: value for key, value in row.items() if key not in _LINK}
            if (row["seq"], row["previous_hash"], row["hash"]) != (count, digest, _digest(digest, fields)):
                identity = fields.get("forecast_id") or fields.get("id")
                return ChainReport(name, count, f"row {count} ({identity}) isn't what was written, or is missing")
            digest = row["hash"]


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
