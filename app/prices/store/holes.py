"""Holes: sessions among the newest ones that are missing or held, and when they are asked for again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

import polars as pl
from sqlmodel import Session

from app.core.clock import Calendar
from app.prices.store import sql
from app.prices.store.tables import DROPPED, HELD

HEAL_WITHIN: Final = 10
"""A session among so many newest ones that is missing or held is asked for again the same evening."""
RETRY_AFTER: Final = (timedelta(hours=1), timedelta(hours=2), timedelta(hours=4))
"""When, counted from when the newest session's bar is final; then the next session's refresh asks again."""
_FIRSTS: Final = "SELECT symbol, first_session FROM symbol WHERE bars > 0 AND symbol IN {}"


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
    held = _pairs(db, state, [*values, HELD])
    settled = (stored | _pairs(db, state, [*values, DROPPED])) - held
    firsts = _pairs(db, _FIRSTS.format(sql.among(db)), values[:1])
    found = {
        symbol: [day for day in window if day > first and (symbol, day) not in settled] for symbol, first in firsts
    }
    return {symbol: days for symbol, days in found.items() if days}


def _pairs(db: Session, query: str, values: Sequence[str]) -> set[tuple[str, date]]:
    return set(sql.frame(db, query, values, {"symbol": pl.String(), "session": pl.Date()}).iter_rows())
