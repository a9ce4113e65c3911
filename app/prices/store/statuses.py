"""What the store knows of each symbol, read from its row; kept between two looks for who asks often."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, TypeVar

from sqlmodel import Session

from app.core.db import Database
from app.core.errors import UnknownSymbol
from app.core.public import Instant
from app.prices.outcomes import Outcome
from app.prices.store import sql
from app.prices.symbols import SERIES_MARK

_NEVER: Final = (-1, -1)
_COLUMNS = (
    "s.symbol, name, exchange, currency, watched, first_session, last_session, bars, refreshed_at, outcome, error,"
    " version"
)
_NEWEST = "b.source, b.fetched_at FROM symbol s LEFT JOIN bar b ON b.symbol = s.symbol AND b.session = s.last_session"
T = TypeVar("T")
Row = tuple[Any, ...]
"""A symbol's row as the database spells it; the last is the number of its version."""


@dataclass(frozen=True)
class SymbolStatus:
    """What the store knows of one symbol; `source` and `fetched_at` are its newest bar's."""

    symbol: str
    name: str | None
    exchange: str
    currency: str | None
    watched: bool
    first: date | None
    last: date | None
    bars: int
    source: str | None
    fetched_at: Instant | None
    refreshed_at: Instant | None
    outcome: Outcome | None
    error: str | None


def statuses(db: Session) -> list[SymbolStatus]:
    """Return every known symbol but the series: the watchlist in its order first, then the others by name."""
    return statuses_of(db, symbol_rows(db))


def status(db: Session, symbol: str) -> SymbolStatus:
    """Return one symbol's status; raises `UnknownSymbol`."""
    rows = sql.run(db, f"SELECT {_COLUMNS}, {_NEWEST} WHERE s.symbol = ?", [symbol])
    if not rows:
        raise UnknownSymbol(f"{symbol} isn't in the store; add it with `nextclose symbols add {symbol}`")
    *row, source, fetched_at = rows[0]
    return _status(tuple(row), source, fetched_at)


def symbol_rows(db: Session) -> list[Row]:
    """Return the row of each symbol but the series, as the database spells it, in the order of `statuses`.

    One that is as it was before has the same status as before: a newest bar that changed moves the row's version.
    """
    its = "WHERE substr(symbol, 1, 1) <> ? ORDER BY watched DESC, COALESCE(position, 0), symbol"
    return sql.run(db, f"SELECT {_COLUMNS} FROM symbol s {its}", [SERIES_MARK])


def statuses_of(db: Session, rows: Sequence[Row]) -> list[SymbolStatus]:
    """Return the statuses that rows tell, with the source and the age of each one's newest bar."""
    query = f"SELECT s.symbol, {_NEWEST} WHERE s.symbol IN {sql.among(db)}"
    bars = {one: its for one, *its in sql.run(db, query, [json.dumps([row[0] for row in rows])])}
    return [_status(row, *bars[row[0]]) for row in rows]


def _status(row: Row, source: str | None, fetched_at: Any) -> SymbolStatus:
    symbol, name, exchange, currency, watched, first, last, bars, refreshed_at, outcome, error, _ = row
    days = _known(sql.to_date, first), _known(sql.to_date, last)
    at = _known(sql.to_instant, fetched_at), _known(sql.to_instant, refreshed_at)
    return SymbolStatus(symbol, name, exchange, currency, bool(watched), *days, bars, source, *at, outcome, error)


def _known(read: Callable[[Any], T], value: Any) -> T | None:
    return None if value is None else read(value)


@dataclass(frozen=True)
class _Held:
    """What one look saw: at which commit, and each symbol's row beside its status, in their order."""

    seen: tuple[int, int] = _NEVER
    known: dict[str, tuple[Row, SymbolStatus]] = field(default_factory=dict)
    statuses: tuple[SymbolStatus, ...] = ()


class Statuses:
    """What `store.statuses` returns, in microseconds while nothing is committed; safe to share between threads.

    A symbol's status is the same object as long as its row is the same.
    """

    def __init__(self, database: Database) -> None:
        """Keep the database; nothing is read before the first look."""
        self._database = database
        self._held = _Held()

    def all(self) -> tuple[SymbolStatus, ...]:
        """Return every known symbol but the series, as they are now. Errors: `StoreUnavailable`."""
        seen, held = self._database.commits.count(), self._held
        if seen != held.seen:
            self._held = held = self._look(seen, held)
        return held.statuses

    def _look(self, seen: tuple[int, int], held: _Held) -> _Held:
        """Read the rows; what is committed meanwhile is newer than `seen`, and so is looked for again."""
        with self._database.read() as db:
            rows = symbol_rows(db)
            known = {row[0]: same for row in rows if (same := held.known.get(row[0])) and same[0] == row}
            changed = [row for row in rows if row[0] not in known]
            known |= {row[0]: (row, one) for row, one in zip(changed, statuses_of(db, changed), strict=True)}
        return _Held(seen, known, tuple(known[row[0]][1] for row in rows))
