"""What the store holds: the watchlist, each symbol's status, and final bars as frames.

Functions take the caller's database session; `panel` takes the database itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl
from sqlmodel import Session, col, func, select

from app.core.db import Database
from app.core.errors import UnknownSymbol
from app.prices.frame import BAR_SCHEMA, INSTANT
from app.prices.store import adjustments, sql, write
from app.prices.store.tables import SymbolRow
from app.prices.symbols import is_series, normalise, stock


@dataclass(frozen=True)
class LastBar:
    """A symbol's newest final bar, and how many the store has of it."""

    session: date
    close: float
    source: str
    fetched_at: datetime
    bars: int


def watchlist(db: Session) -> list[str]:
    """Return the watched symbols in the order they were added."""
    query = select(SymbolRow.symbol).where(col(SymbolRow.watched)).order_by(col(SymbolRow.position), SymbolRow.symbol)
    return [symbol for symbol in db.exec(query).all() if not is_series(symbol)]


def watch(db: Session, symbols: Sequence[str], now: datetime) -> None:
    """Put symbols at the end of the watchlist; those on it keep their place. A series is an `InvalidSymbol`."""
    wanted = [stock(symbol) for symbol in symbols]
    write.ensure_symbols(db, wanted, now)
    position = (db.exec(select(func.max(SymbolRow.position))).one() or 0) + 1
    for symbol in dict.fromkeys(wanted):
        row = db.get_one(SymbolRow, symbol)
        if not row.watched:
            row.watched, row.position = True, position
            position += 1


def unwatch(db: Session, symbols: Sequence[str]) -> None:
    """Take symbols off the watchlist; their bars stay. Errors: `UnknownSymbol` for one that was never stored."""
    for symbol in symbols:
        row = db.get(SymbolRow, normalise(symbol))
        if row is None:
            raise UnknownSymbol(f"{symbol} isn't in the store, and so not on the watchlist")
        row.watched, row.position = False, None


def _row(db: Session, symbol: str) -> SymbolRow:
    row = db.get(SymbolRow, symbol)
    if row is None:
        raise UnknownSymbol(f"{symbol} isn't in the store; add it with `nextclose symbols add {symbol}`")
    return row


def exchanges(db: Session) -> dict[str, str]:
    """Return the exchange of every known symbol, by its market identifier code."""
    return dict(db.exec(select(SymbolRow.symbol, SymbolRow.exchange)).all())


def codes(db: Session, *, watched: bool = False) -> set[str]:
    """Return the exchanges of all known symbols, or of those on the watchlist."""
    return {str(code) for (code,) in sql.run(db, f"SELECT DISTINCT exchange FROM symbol{' WHERE watched' * watched}")}


def last_bars(db: Session, symbols: Sequence[str] | None = None) -> dict[str, LastBar]:
    """Return the newest final bar of each of these symbols that has one; of all but the series if none is named."""
    query = (
        "SELECT s.symbol, b.session, b.close, b.source, b.fetched_at, s.bars FROM symbol s"
        " JOIN bar b ON b.symbol = s.symbol AND b.session = s.last_session"
    )
    values: list[str] = []
    if symbols is not None:
        query, values = f"{query} WHERE s.symbol IN {sql.among(db)}", [json.dumps(list(symbols))]
    return {
        str(symbol): LastBar(sql.to_date(session), float(close), source, sql.to_instant(fetched), bars)
        for symbol, session, close, source, fetched, bars in sql.run(db, query, values)
        if symbols is not None or not is_series(symbol)
    }


def history(
    db: Session, symbol: str, start: date | None = None, end: date | None = None, last: int | None = None
) -> pl.DataFrame:
    """Return one symbol's final bars in [start, end], only the `last` newest of them if given, oldest first.

    Errors: `UnknownSymbol` where the store doesn't know the symbol; a known one without bars gives an empty frame.
    """
    bars = sql.bars_of(db, [symbol], *_within(start, end), last)
    if bars.is_empty():
        _row(db, symbol)
    return bars


def bar_rows(
    db: Session, symbol: str, start: date | None = None, end: date | None = None, last: int | None = None
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return what `history` does as rows, as the database spells a session, and the columns' names but the symbol's.

    For who writes them out, at half the cost of a frame.
    """
    names = list(BAR_SCHEMA)[1:]
    within, bounds = _within(start, end)
    bars, values = sql.newest(db, f"bar WHERE symbol = ?{within}", [symbol, *bounds], last)
    return names, sql.run(db, f"SELECT {', '.join(names)} FROM {bars} ORDER BY session", values)


def bar_columns(db: Session, symbol: str, last: int | None = None) -> dict[str, list[Any]]:
    """Return a symbol's final bars as columns by name, only the `last` newest if given, oldest first."""
    names, rows = bar_rows(db, symbol, last=last)
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)) if rows else {one: [] for one in names}
    return columns | {"session": [sql.to_date(day) for day in columns["session"]]}


def last_closes(db: Session, ends: Sequence[tuple[str, date]], last: int) -> dict[tuple[str, date], list[float]]:
    """Return for each (symbol, session) the symbol's `last` newest closes up to it, oldest first.

    One statement a session, and one row a symbol: the driver lets go of the interpreter's lock, and waits for it again,
    at each. SQLite gives fifteen digits.
    """
    listed = "json_group_array(close)" if sql.is_sqlite(db) else "CAST(json_agg(close) AS text)"
    newest = "SELECT close FROM bar WHERE symbol = s.value AND session <= ? ORDER BY session DESC LIMIT ?"
    query = f"SELECT value, (SELECT {listed} FROM ({newest}) AS newest) FROM {sql.among(db)} AS s"
    found: dict[tuple[str, date], list[float]] = {}
    for end in {end for _, end in ends}:
        rows = sql.run(db, query, [sql.day(end), last, json.dumps([symbol for symbol, its in ends if its == end])])
        found |= {(symbol, end): json.loads(closes or "[]", parse_int=float)[::-1] for symbol, closes in rows}
    return found


def _within(start: date | None, end: date | None) -> tuple[str, list[str]]:
    """Return the condition and its values; none for an end that is open: SQLite begins at the first bound it meets."""
    bounds = [(f" AND session {sign} ?", sql.day(day)) for sign, day in ((">=", start), ("<=", end)) if day]
    return "".join(text for text, _ in bounds), [day for _, day in bounds]


def panel(
    database: Database, symbols: Sequence[str] | None = None, start: date | None = None, end: date | None = None
) -> pl.DataFrame:
    """Return the final bars of all (or these) symbols as one bar frame, sorted by (symbol, session); never a series'.

    It reads through the one SQLite library that the process has open: a second one (connectorx and ADBC carry their
    own) drops the first one's file locks and deletes its write-ahead log, and later commits are lost.
    """
    chosen = None if symbols is None else set(symbols)
    return _bars(database, lambda one: not is_series(one) and (chosen is None or one in chosen), start, end)


def series(database: Database, start: date | None = None, end: date | None = None) -> pl.DataFrame:
    """Return the final bars of the market series (symbols such as `^VIX`) as one bar frame, as `panel` does."""
    return _bars(database, is_series, start, end)


def _bars(database: Database, is_wanted: Callable[[str], bool], start: date | None, end: date | None) -> pl.DataFrame:
    with database.read() as db:
        known = [str(symbol) for (symbol,) in sql.run(db, "SELECT symbol FROM symbol WHERE bars > 0")]
        return sql.bars_of(db, sorted(filter(is_wanted, known)), *_within(start, end))


def as_known(db: Session, symbol: str, at: datetime) -> pl.DataFrame:
    """Return the symbol's final bars as the store held them at an instant, whatever was replaced since.

    What dividends since then made of `adj_close` is undone to within `adjustments.TOLERANCE`; all else is exact.
    """
    moment = sql.instant(db, at)
    known = " AND fetched_at <= ?"
    still = sql.bars_of(db, [symbol], known, [moment])
    gone = f"{known} AND replaced_at > ?"
    replaced = sql.bars_of(db, [symbol], gone, [moment, moment], table="bar_revision")
    ends = f"SELECT replaced_at FROM bar_revision WHERE symbol = ?{gone} ORDER BY session"
    until = [sql.to_instant(end) for (end,) in sql.run(db, ends, [symbol, moment, moment])]
    ended = pl.Series(until, dtype=INSTANT)
    now = still.with_columns(replaced_at=pl.lit(None, INSTANT))
    both = pl.concat([now, replaced.with_columns(replaced_at=ended)]).sort("session")
    return adjustments.undone(db, symbol, both, at)


def was_known(db: Session, symbol: str, session: date, at: datetime) -> bool:
    """Say whether the store held a final bar of this session at an instant, whatever was replaced since."""
    there = [symbol, sql.day(session), sql.instant(db, at)]
    rows = sql.run(
        db,
        "SELECT 1 FROM bar WHERE symbol = ? AND session = ? AND fetched_at <= ?"
        " UNION ALL SELECT 1 FROM bar_revision WHERE symbol = ? AND session = ? AND fetched_at <= ?",
        [*there, *there],
    )
    return bool(rows)


def data_version(db: Session) -> str:
    """Return a text that changes whenever a final bar or a known earnings day changes."""
    rows = sql.run(db, "SELECT version FROM price_version")
    return str(rows[0][0] if rows else 0)


def symbol_versions(db: Session) -> dict[str, int]:
    """Return for each symbol a number that changes whenever one of its final bars or earnings days changes."""
    collected = "json_group_object" if sql.is_sqlite(db) else "json_object_agg"
    rows = sql.run(db, f"SELECT CAST({collected}(symbol, version) AS text) FROM symbol")
    return dict(json.loads(rows[0][0] or "{}"))
