"""What a symbol's refresh has to ask for: the newest sessions, recent gaps, holes that may heal, second looks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import polars as pl
from sqlmodel import Session

from app.core.clock import Calendar, Clock, calendar
from app.prices.checks import quarantine
from app.prices.outcomes import FAILED
from app.prices.refresh.merge import known_actions
from app.prices.store import sql, write
from app.prices.store.holes import holes, last_try
from app.prices.store.tables import SymbolRow
from app.prices.symbols import exchange_of

OVERLAP: Final = 10
"""So many stored sessions are fetched again: a moved one says that history was rewritten."""
GAPS_WITHIN: Final = 60
"""A missing session this far back is asked for again after each session; the weekly full check sees the older ones."""


@dataclass(frozen=True)
class FetchPlan:
    """What a symbol's refresh starts from: its calendar, stored bars, and the window to ask for."""

    symbol: str
    now: datetime
    exchange: Calendar
    stored: pl.DataFrame
    actions: pl.DataFrame
    start: date | None
    end: date | None
    closed: bool

    @property
    def last(self) -> date | None:
        """The newest stored session."""
        last = self.stored["session"].max()
        return last if isinstance(last, date) else None


def plan_fetch(db: Session, symbol: str, source: str, clock: Clock, *, whole: bool) -> FetchPlan:
    """Decide from the calendar what is missing, and so which sessions to ask for."""
    now = clock.now()
    row = db.get(SymbolRow, symbol)
    exchange = calendar(row.exchange if row else exchange_of(symbol))
    # The sample makes way for real prices: for every other source it isn't there.
    stored = sql.bars_of(db, [symbol], " AND source <> ?", ["" if source == write.SAMPLE else write.SAMPLE])
    asked = row.refreshed_at if row and row.outcome not in FAILED else None
    wanted = _wanted(db, symbol, exchange, stored, asked, now)
    return FetchPlan(
        symbol=symbol,
        now=now,
        exchange=exchange,
        stored=stored,
        actions=known_actions(db, symbol),
        start=None if whole or stored.is_empty() else _start(stored, wanted),
        end=now.astimezone(exchange.timezone).date() if clock.fixed else None,
        closed=not (whole or stored.is_empty() or wanted),
    )


def _wanted(
    db: Session, symbol: str, exchange: Calendar, stored: pl.DataFrame, asked: datetime | None, now: datetime
) -> list[date]:
    """Return the sessions to ask for, oldest first: those not asked for since they could have come."""
    target = exchange.last_final(now)
    recent = stored.tail(GAPS_WITHIN)["session"].to_list()
    newest = list(exchange.between(recent[-1], target))[1:] if recent else []
    if asked is None or asked < exchange.final_at(target):
        inside = exchange.between(recent[0], recent[-1]) if recent else ()
        looks = quarantine.second_looks(db, symbol, exchange, now)
        newest += [*set(inside).difference(recent), *(look.session for look in looks)]
    if asked is None or asked < last_try(exchange, now):
        newest += holes(db, [symbol], exchange, target).get(symbol, [])
    return sorted(newest)


def _start(stored: pl.DataFrame, wanted: list[date]) -> date | None:
    sessions: list[date] = stored.tail(OVERLAP)["session"].to_list()
    if not wanted or wanted[0] > sessions[0]:
        return sessions[0]
    before = stored.filter(pl.col("session") < wanted[0])["session"].tail(OVERLAP).to_list()
    return before[0] if before else None
