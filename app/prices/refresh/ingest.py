"""Checked bars into the store: one transaction that stores what passes and quarantines the rest."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import polars as pl
from sqlmodel import Session

from app.core.clock import calendar
from app.prices import store
from app.prices.checks import quarantine, rules
from app.prices.checks.neighbours import market_moves
from app.prices.store import sql, write
from app.prices.store.write import Upserted
from app.prices.symbols import is_series


def ingest(
    db: Session,
    bars: pl.DataFrame,
    source: str,
    fetched_at: datetime,
    exchange: str,
    reason: str = "the source changed it",
) -> Upserted:
    """Check final bars of symbols on one exchange against the rules and against what is stored; store and quarantine.

    A bar that fails never replaces a stored one. One that passes clears what quarantine held of its session.
    """
    if bars.is_empty():
        return Upserted()
    write.make_way(db, bars["symbol"].unique(), source, fetched_at)
    checked = _checked(db, bars, exchange)
    released = quarantine.add(db, checked.held, source, fetched_at)
    good = checked.good if released.is_empty() else pl.concat([checked.good, released]).sort("symbol", "session")
    written = write.upsert(db, good, source, fetched_at, reason)
    quarantine.clear(db, checked.good, fetched_at)
    stopped = checked.held.join(released, on=["symbol", "session"], how="anti")
    return replace(written, held=dict(stopped.group_by("rule").len().sort("rule").iter_rows()))


def _checked(db: Session, bars: pl.DataFrame, exchange: str) -> rules.Checked:
    """Check bars; where some went away and came back in a day, look what the market did, and check again."""
    known = known_before(db, bars)
    checked = rules.check(bars, exchange, known)
    reverting = checked.held.filter(pl.col("rule") == rules.jump_reverts.name)["session"].unique().to_list()
    if not reverting:
        return checked
    return rules.check(bars, exchange, known, market_moves(_around(db, bars, reverting, exchange)))


def _around(db: Session, bars: pl.DataFrame, sessions: list[date], exchange: str) -> pl.DataFrame:
    """Return all symbols' bars, new or stored, of these sessions and those before and after each."""
    days = calendar(exchange)
    around = {step(day) for day in sessions for step in (days.previous_session, lambda same: same, days.next_session)}
    symbols = [symbol for symbol, its in store.exchanges(db).items() if its == exchange and not is_series(symbol)]
    among = f" AND session IN ({sql.marks(len(around))})"
    stored = sql.bars_of(db, symbols, among, [sql.day(day) for day in around])
    return pl.concat([bars.filter(pl.col("session").is_in(around)), stored]).unique(["symbol", "session"], keep="first")


def known_before(db: Session, bars: pl.DataFrame) -> pl.DataFrame:
    """Return the stored bars just before each symbol's first new one: what the rules hold the new ones against."""
    firsts = bars.group_by("symbol").agg(pl.col("session").min().cast(pl.String)).rows()
    return pl.concat(sql.bars_of(db, [symbol], " AND session < ?", [first], rules.CONTEXT) for symbol, first in firsts)
