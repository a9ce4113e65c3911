"""A symbol's download into the store: what it restates is verified, what it replaces is kept; one transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import polars as pl
from sqlmodel import Session

from app.core.clock import calendar
from app.core.public import day
from app.prices.checks import quarantine, rules
from app.prices.checks.restatement import Restatement, compare, unadjusted
from app.prices.frame import PRICES
from app.prices.outcomes import Outcome, RefreshReport
from app.prices.refresh import ingest
from app.prices.sources.protocol import Fetched, Malformed
from app.prices.store import sql, write
from app.prices.store.tables import SymbolRow

UNADJUSTED: Final = "unadjusted_split"


def merge(
    db: Session, symbol: str, fetched: Fetched, stored: pl.DataFrame, source: str, now: datetime
) -> RefreshReport:
    """Store a symbol's final bars, its actions and what it is; `stored` are its bars before this transaction's writes.

    Errors: `Malformed` for a history on an absurd scale; the caller's transaction then rolls back.
    """
    write.ensure_symbols(db, [symbol], now)
    restated = compare(stored, fetched.bars, fetched.actions) if not stored.is_empty() else Restatement()
    if restated.absurd:
        raise Malformed(f"{symbol}: {restated.reason}; the stored bars were kept")
    bars, waiting = _without_unadjusted(symbol, fetched, stored, restated)
    quarantine.add(db, waiting, source, now)
    looks = quarantine.second_looks(db, symbol, calendar(fetched.exchange), now)
    confirmed = quarantine.look_again(db, looks, bars, now)
    rescaled = _rescale_missing(db, stored, bars, restated, now) if restated.rescaled else 0
    done = ingest.ingest(db, bars, source, now, fetched.exchange, restated.reason)
    _describe(db, symbol, fetched)
    _keep_actions(db, symbol, fetched.actions, now)
    held = done.held | ({UNADJUSTED: waiting.height} if waiting.height else {})
    changed = done.changed + rescaled
    said = [restated.reason] if changed else []
    said += [f"quarantined {count} ({rule})" for rule, count in held.items()]
    said += [f"confirmed {confirmed} (held before, and still so)"] if confirmed else []
    outcome: Outcome = "updated" if done.added or changed else "quarantined" if held else "unchanged"
    return RefreshReport(symbol, outcome, done.added, changed, detail="; ".join(said))


def _without_unadjusted(
    symbol: str, fetched: Fetched, stored: pl.DataFrame, restated: Restatement
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the bars to store, and those after a split that older prices don't show yet: they have to wait."""
    split = None if stored.is_empty() or restated.rescaled else unadjusted(stored, fetched.bars, fetched.actions)
    if split is None:
        return fetched.bars, pl.DataFrame(schema=rules.HELD_SCHEMA)
    session, ratio = split
    late = fetched.bars.filter(pl.col("session") >= session).with_columns(
        pl.lit(UNADJUSTED).alias("rule"),
        pl.lit(f"{symbol} split {ratio:g}:1 on {day(session)}, older prices aren't adjusted yet").alias("detail"),
    )
    return fetched.bars.filter(pl.col("session") < session), late


def _rescale_missing(
    db: Session, stored: pl.DataFrame, bars: pl.DataFrame, restated: Restatement, now: datetime
) -> int:
    """Put stored bars that the new history doesn't have on its scale; return how many. No row is lost."""
    missing = stored.join(bars, on=["symbol", "session"], how="anti")
    write.keep_revisions(db, missing, now, restated.reason)
    keys = missing.select("symbol", pl.col("session").cast(pl.String)).rows()
    prices = ", ".join(f"{name} = {name} * ?" for name in (*PRICES, "adj_close"))
    factors = [restated.factor] * (len(PRICES) + 1)
    sql.change_many(
        db,
        f"UPDATE bar SET {prices}, volume = CAST(round(volume / ?) AS BIGINT), fetched_at = ?"
        " WHERE symbol = ? AND session = ?",
        [(*factors, restated.factor, sql.instant(db, now), *key) for key in keys],
    )
    if keys:
        write.summarise(db, [symbol for symbol, _ in keys[:1]])
    return missing.height


def _describe(db: Session, symbol: str, fetched: Fetched) -> None:
    row = db.get_one(SymbolRow, symbol, populate_existing=True)
    row.name, row.currency = fetched.name or row.name, fetched.currency or row.currency
    row.exchange = fetched.exchange


def _keep_actions(db: Session, symbol: str, actions: pl.DataFrame, now: datetime) -> None:
    moment = sql.instant(db, now)
    sql.change_many(
        db,
        "INSERT INTO action (symbol, session, kind, value, fetched_at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (symbol, session, kind) DO UPDATE SET value = excluded.value, fetched_at = excluded.fetched_at"
        " WHERE action.value <> excluded.value",
        [(symbol, sql.day(session), kind, value, moment) for session, kind, value in actions.iter_rows()],
    )


def known_actions(db: Session, symbol: str) -> pl.DataFrame:
    """Return session and kind of every stored split and dividend of a symbol."""
    schema = {"session": pl.Date(), "kind": pl.String()}
    return sql.frame(db, "SELECT session, kind FROM action WHERE symbol = ?", [symbol], schema)
