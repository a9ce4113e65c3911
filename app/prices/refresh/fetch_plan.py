"""What a symbol's refresh has to ask for: the newest sessions, recent gaps, holes that may heal, second looks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import polars as pl
from sqlmodel import Session

from app.core.clock import Calendar, Clock, calendar
from app.prices.checks import quarantine
from app.prices.outcomes import FAILED
from app.prices.refresh.merge import known_actions
from app.prices.store import sql, write
from app.prices.store.tables import SymbolRow
from app.prices.symbols import exchange_of

OVERLAP: Final = 10
"""So many stored sessions are fetched again: a moved one says that history was rewritten."""
GAPS_WITHIN: Final = 60
"""A missing session this far back is asked for again after each session; the weekly full check sees the older ones."""
HEAL_WITHIN: Final = 10
"""A session among so many newest ones that is missing or held is asked for again the same evening."""
RETRY_AFTER: Final = (timedelta(hours=1), timedelta(hours=2), timedelta(hours=4))
"""When, counted from when the newest session's bar is final; then the next session's refresh asks again."""
_FIRSTS: Final = "SELECT symbol, first_session FROM symbol WHERE bars > 0 AND symbol IN {}"


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


def last_try(exchange: Calendar, now: datetime) -> datetime:
    """Return the newest instant up to `now` from which a hole is asked for again."""
    final = exchange.final_at(exchange.last_final(now))
    return max(at for at in (final, *(final + after for after in RETRY_AFTER)) if at <= now)


def holes(db: Session, symbols: Sequence[str], exchange: Calendar, target: date) -> dict[str, list[date]]:
    """Return, for each of these symbols that has any, the newest sessions up to `target` that are missing or held.

    A session before the symbol's first bar is no hole, nor one whose bar was dropped by hand.
    """
    window = exchange.between(target - timedelta(days=3 * HEAL_WITHIN), target)[-HEAL_WITHIN:]
    values = [json.dumps(list(symbols)), sql.day(window[0])]
    where = f"symbol IN {sql.among(db)} AND session >= ?"
    stored = _pairs(db, f"SELECT symbol, session FROM bar WHERE {where}", values)
    state = f"SELECT symbol, session FROM quarantine WHERE {where} AND state = ?"
    held = _pairs(db, state, [*values, quarantine.HELD])
    settled = (stored | _pairs(db, state, [*values, quarantine.DROPPED])) - held
    firsts = _pairs(db, _FIRSTS.format(sql.among(db)), values[:1])
    found = {
        symbol: [day for day in window if day > first and (symbol, day) not in settled] for symbol, first in firsts
    }
    return {symbol: days for symbol, days in found.items() if days}


def _pairs(db: Session, query: str, values: Sequence[str]) -> set[tuple[str, date]]:
    return set(sql.frame(db, query, values, {"symbol": pl.String(), "session": pl.Date()}).iter_rows())


def _start(stored: pl.DataFrame, wanted: list[date]) -> date | None:
    sessions: list[date] = stored.tail(OVERLAP)["session"].to_list()
    if not wanted or wanted[0] > sessions[0]:
        return sessions[0]
    before = stored.filter(pl.col("session") < wanted[0])["session"].tail(OVERLAP).to_list()
    return before[0] if before else None
