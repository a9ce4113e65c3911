"""Every statement that changes a bar: what is replaced is kept, and the symbol's summary stays true.

All functions run inside the caller's write transaction; none of them judges a price, `checks` has done that before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import polars as pl
from sqlmodel import Session

from app.core import bulk
from app.prices.frame import BAR_SCHEMA, PRICES
from app.prices.store import adjustments, sql
from app.prices.symbols import SERIES_MARK, exchange_of, is_series

SAMPLE: Final = "sample"
MADE_WAY: Final = "the sample made way for real prices"
PRICE_TOLERANCE: Final = 1e-6
"""Two prices closer than this (relative) are one: Yahoo's JSON carries single-precision floats."""

_KEPT = f"{sql.BAR_COLUMNS}, source, fetched_at, final"
_INSERT = f"""
INSERT INTO bar ({_KEPT}) VALUES ({sql.marks(len(BAR_SCHEMA) + 3)})
ON CONFLICT (symbol, session) DO UPDATE SET
  {", ".join(f"{name} = excluded.{name}" for name in (*list(BAR_SCHEMA)[2:], "source", "fetched_at", "final"))}
"""
_KEEP = f"INSERT INTO bar_revision ({_KEPT}, replaced_at, reason) SELECT {_KEPT}, ?, ? FROM bar"


@dataclass(frozen=True)
class Upserted:
    """How many bars a write added, changed (the old values are kept), found as they were, and held, by rule."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    held: dict[str, int] = field(default_factory=dict)


def upsert(
    db: Session, bars: pl.DataFrame, source: str, fetched_at: datetime, reason: str = "the source changed it"
) -> Upserted:
    """Store checked final bars; a bar that differs from the stored one replaces it and the old one is kept.

    `bars` is a bar frame with one row a (symbol, session). A null `adj_close` never replaces a known one. Bars from
    anywhere but the sample remove every bar of the sample in the same transaction, unless they are a series'.
    """
    if bars.is_empty():
        return Upserted()
    symbols = bars["symbol"].unique().sort().to_list()
    ensure_symbols(db, symbols, fetched_at)
    removed = make_way(db, symbols, source, fetched_at)
    span = bars.select(pl.col("session").min().alias("first"), pl.col("session").max()).cast(pl.String).row(0)
    known = sql.bars_of(db, symbols, " AND session BETWEEN ? AND ?", span)
    added, differing = _compared(bars, known)
    restated, others = adjustments.split(differing, known)
    adjustments.restate(db, restated, fetched_at)
    changed = others.select(*BAR_SCHEMA)
    keep_revisions(db, changed, fetched_at, reason)
    _insert(db, added, source, fetched_at, new=True)
    _insert(db, changed, source, fetched_at)
    if added.height + differing.height + removed:
        summarise(db, symbols)
    return Upserted(added.height, differing.height, bars.height - added.height - differing.height)


def differs(known: str = "_known") -> pl.Expr:
    """Say whether a bar and the stored one beside it (columns ending in `known`) say different things."""
    prices = pl.any_horizontal(
        (pl.col(name) - pl.col(name + known)).abs() > PRICE_TOLERANCE * pl.col(name + known).abs() for name in PRICES
    )
    before = pl.col("adj_close" + known)
    adjusted = (pl.col("adj_close") - before).abs() > adjustments.TOLERANCE * before
    first_adjusted = pl.col("adj_close").is_not_null() & before.is_null()
    return prices | (pl.col("volume") != pl.col("volume" + known)) | adjusted.fill_null(value=False) | first_adjusted


def _compared(bars: pl.DataFrame, known: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the bars that aren't stored yet, and those that differ from the stored ones, beside them."""
    if known.is_empty():
        nothing = [pl.lit(None, kind).alias(f"{name}_known") for name, kind in list(BAR_SCHEMA.items())[2:]]
        return bars, bars.clear().with_columns(*nothing)
    key = ["symbol", "session"]
    both = bars.join(known, on=key, how="left", suffix="_known", maintain_order="left")
    missing = pl.col("close_known").is_null()
    changed = both.filter(~missing & differs()).with_columns(pl.coalesce("adj_close", "adj_close_known"))
    return both.filter(missing).select(*BAR_SCHEMA), changed


def _insert(db: Session, bars: pl.DataFrame, source: str, fetched_at: datetime, *, new: bool = False) -> None:
    """Write bars; `new` ones aren't stored yet."""
    true = 1 if sql.is_sqlite(db) else "true"
    values = {"source": source, "fetched_at": sql.instant(db, fetched_at), "final": true}
    marked = bars.select(*BAR_SCHEMA, *(pl.lit(value).alias(name) for name, value in values.items()))
    rows = marked.with_columns(pl.col("session").cast(pl.String)).rows()
    if new and not sql.is_sqlite(db):
        bulk.copy(db.connection(), "bar", marked.columns, rows)
    else:
        sql.change_many(db, _INSERT, rows)


def keep_revisions(db: Session, bars: pl.DataFrame, at: datetime, reason: str) -> None:
    """Copy the stored bars with these keys to `bar_revision`: they are about to be replaced."""
    moment = sql.instant(db, at)
    keys = bars.select("symbol", pl.col("session").cast(pl.String)).rows()
    sql.change_many(db, f"{_KEEP} WHERE symbol = ? AND session = ?", [(moment, reason, *key) for key in keys])


def make_way(db: Session, symbols: Iterable[str], source: str, at: datetime) -> int:
    """Take every bar of the bundled sample out of the store for those of another source; return how many there were.

    A market series doesn't stand for prices, so that the sample stays beside it.

    Costs one look where there is no sample: it is only there while the store holds nothing else.
    """
    if source == SAMPLE or all(is_series(symbol) for symbol in symbols):
        return 0
    newest = "FROM symbol s JOIN bar b ON b.symbol = s.symbol AND b.session = s.last_session"
    prices = "WHERE substr(s.symbol, 1, 1) <> ?"
    if sql.run(db, f"SELECT b.source {newest} {prices} LIMIT 1", [SERIES_MARK]) != [(SAMPLE,)]:
        return 0
    held = [str(symbol) for (symbol,) in sql.run(db, f"SELECT s.symbol {newest} WHERE b.source = ?", [SAMPLE])]
    sql.run(db, f"{_KEEP} WHERE source = ?", [sql.instant(db, at), MADE_WAY, SAMPLE])
    gone = sql.change(db, "DELETE FROM bar WHERE source = ?", [SAMPLE])
    summarise(db, held)
    return gone


def ensure_symbols(db: Session, symbols: Iterable[str], now: datetime) -> None:
    """Make sure that each symbol has its row."""
    false = "0" if sql.is_sqlite(db) else "false"
    sql.change_many(
        db,
        f"INSERT INTO symbol (symbol, exchange, watched, added_at, bars, version) VALUES (?, ?, {false}, ?, 0, 0)"
        " ON CONFLICT (symbol) DO NOTHING",
        [(symbol, exchange_of(symbol), sql.instant(db, now)) for symbol in symbols],
    )


def summarise(db: Session, symbols: Iterable[str]) -> None:
    """Bring first session, last session and number of bars of these symbols up to date; their versions move."""
    of_symbol = "FROM bar WHERE bar.symbol = symbol.symbol"
    sql.change_many(
        db,
        f"UPDATE symbol SET first_session = (SELECT min(session) {of_symbol}),"
        f" last_session = (SELECT max(session) {of_symbol}), bars = (SELECT count(*) {of_symbol}),"
        " version = version + 1 WHERE symbol = ?",
        [(symbol,) for symbol in symbols],
    )
    _bump(db)


def touch(db: Session, symbols: Sequence[str]) -> None:
    """Count a change of these symbols that isn't their bars': what was made from them is looked at anew."""
    sql.change_many(db, "UPDATE symbol SET version = version + 1 WHERE symbol = ?", [(one,) for one in symbols])
    if symbols:
        _bump(db)


def _bump(db: Session) -> None:
    """Count a change of final bars: `store.data_version` moves."""
    sql.run(
        db,
        "INSERT INTO price_version (id, version) VALUES (1, 1)"
        " ON CONFLICT (id) DO UPDATE SET version = price_version.version + 1",
    )
