"""Checked bars into the store: one transaction that stores what passes and quarantines the rest."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import polars as pl
from sqlmodel import Session

from app.prices.checks import quarantine, rules
from app.prices.store import sql, write
from app.prices.store.write import Upserted


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
    checked = rules.check(bars, exchange, known_before(db, bars))
    released = quarantine.hold(db, checked.held, source, fetched_at)
    good = checked.good if released.is_empty() else pl.concat([checked.good, released]).sort("symbol", "session")
    written = write.upsert(db, good, source, fetched_at, reason)
    quarantine.clear(db, checked.good, fetched_at)
    stopped = checked.held.join(released, on=["symbol", "session"], how="anti")
    return replace(written, held=dict(stopped.group_by("rule").len().sort("rule").iter_rows()))


def known_before(db: Session, bars: pl.DataFrame) -> pl.DataFrame:
    """Return the stored bars just before each symbol's first new one: what the rules hold the new ones against."""
    firsts = bars.group_by("symbol").agg(pl.col("session").min().cast(pl.String)).rows()
    return pl.concat(sql.bars_of(db, [symbol], " AND session < ?", [first], rules.CONTEXT) for symbol, first in firsts)
