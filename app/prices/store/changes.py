"""What became of a symbol's prices: splits and dividends, and what later fetches made of stored bars."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlmodel import Session

from app.core.public import Instant
from app.prices.store import sql, write

MOST_CHANGES: Final = 1000
"""Of each kind, the newest."""
_RESTATED: Final = "a dividend restated the adjusted closes"


@dataclass(frozen=True)
class Action:
    """A `split` with its ratio (4.0 is four for one), or a `dividend` with its amount a share."""

    session: date
    kind: str
    value: float


@dataclass(frozen=True)
class Revision:
    """What one fetch made of stored bars, and why: of how many sessions, from the first to the last of them.

    `largest_change` is the largest move of one of their closes by it, 0.01 for 1 % up or down; None where their bars
    went away, as those of the sample do: other prices stand on another basis.
    """

    replaced_at: Instant
    reason: str
    sessions: int
    first: date
    last: date
    largest_change: float | None


def actions(db: Session, symbol: str) -> list[Action]:
    """Return a symbol's splits and dividends, newest first."""
    query = "SELECT session, kind, value FROM action WHERE symbol = ? ORDER BY session DESC, kind LIMIT ?"
    return [
        Action(sql.to_date(day), kind, float(value)) for day, kind, value in sql.run(db, query, [symbol, MOST_CHANGES])
    ]


def revisions(db: Session, symbol: str) -> list[Revision]:
    """Return what became of a symbol's bars, newest first, each fetch's together."""
    query = (
        "WITH replaced AS (SELECT old.replaced_at, old.reason, old.session, old.close, COALESCE(lead(old.close) OVER"
        " (PARTITION BY old.session ORDER BY old.replaced_at, old.id), bar.close) AS later FROM bar_revision old"
        " LEFT JOIN bar ON bar.symbol = old.symbol AND bar.session = old.session WHERE old.symbol = ?)"
        " SELECT replaced_at, reason, count(*), min(session), max(session),"
        " max(CASE WHEN reason <> ? THEN abs(later / NULLIF(close, 0) - 1) END)"
        " FROM replaced GROUP BY replaced_at, reason"
        " UNION ALL SELECT replaced_at, ?, (SELECT count(*) FROM bar WHERE bar.symbol = adjustment.symbol"
        " AND bar.session BETWEEN first AND last), first, last, 0.0 FROM adjustment WHERE symbol = ?"
        " ORDER BY 1 DESC LIMIT ?"
    )
    return [
        Revision(sql.to_instant(at), reason, count, sql.to_date(first), sql.to_date(last), change)
        for at, reason, count, first, last, change in sql.run(
            db, query, [symbol, write.MADE_WAY, _RESTATED, symbol, MOST_CHANGES]
        )
    ]
