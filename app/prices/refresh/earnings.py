"""Bring earnings days up to date: the calendar of what comes once a day, a symbol's past when it is new, then weekly.

It comes after prices, within a time of its own, and ends early where the source refuses: what it lacked is reported,
and asked for again with the next refresh.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Final

import polars as pl
from sqlmodel import Session, col, select

from app.core import log
from app.core.clock import DEFAULT_EXCHANGE, Clock, calendar
from app.core.db import Database
from app.core.progress import Progress, silent
from app.prices import store
from app.prices.outcomes import Outcome, RefreshReport
from app.prices.sources.guard import side_guard_of
from app.prices.sources.protocol import CALENDAR_AT_ONCE, EarningsSource, FetchFailed, NoDays
from app.prices.store import event_updates
from app.prices.store.event_updates import EventCounts, QueryScope
from app.prices.store.tables import EventAskRow
from app.prices.symbols import exchange_of

BUDGET_S: Final = 60.0
"""All earnings days of one refresh together take no longer; symbols that were left wait for the next one."""
REPORTED_AS: Final = "earnings days"
"""What stands for the symbol in the report's one line."""
AHEAD: Final = timedelta(days=120)
"""The calendar is asked this far ahead: a quarter, and the weeks by which companies shift."""
PAST_EVERY: Final = timedelta(days=7)
NOTHING_EVERY: Final = timedelta(hours=20)
"""A symbol of which nothing was reported is asked about again after this long."""
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ONE_S: Final = 5.0
_STOP_AFTER: Final = 2
_NAMED: Final = 5
_log = log.get(__name__)


@dataclass
class _Pass:
    """One pass over the symbols: what it works with, its deadline, and what has come of it."""

    database: Database
    source: EarningsSource
    now: datetime
    deadline: float
    kept: EventCounts = field(default_factory=EventCounts)
    failures: list[FetchFailed] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Say whether time is up, or the source has refused often enough."""
        return time.monotonic() >= self.deadline or len(self.failures) >= _STOP_AFTER

    @property
    def today(self) -> date:
        """Return the day in New York, by which earnings days are reported."""
        return self.now.astimezone(calendar().timezone).date()


def refresh_earnings(
    database: Database,
    source: EarningsSource,
    clock: Clock,
    symbols: Sequence[str],
    budget_s: float = BUDGET_S,
    progress: Progress = silent,
) -> RefreshReport:
    """Ask for what is due of these symbols' earnings days; `added` and `changed` in the report count days.

    A failure is reported in the report, never raised: no price and no forecast waits for an earnings day.
    """
    began = time.monotonic()
    run = _Pass(database, source, clock.now(), began + budget_s)
    asks = {symbol: _unasked(symbol, run.now) for symbol in symbols}
    with database.read() as db:
        asks |= {ask.symbol: ask for ask in db.exec(select(EventAskRow).where(col(EventAskRow.symbol).in_(symbols)))}
    coming = [symbol for symbol in symbols if _wants_coming(run, asks[symbol])]
    past = [symbol for symbol in symbols if _wants_past(run, asks[symbol])]
    past.sort(key=lambda symbol: asks[symbol].past_at or _NEVER)
    for at in range(0, len(coming), CALENDAR_AT_ONCE):
        if not run.over:
            _ask_coming(run, coming[at : at + CALENDAR_AT_ONCE])
    for at, symbol in enumerate(past, start=1):
        if run.over:
            run.lacking += past[at - 1 :]
            break
        _ask_past(run, symbol)
        progress(at / len(past), f"earnings days of {symbol}")
    return _report(run, due=bool(coming or past), elapsed_s=time.monotonic() - began)


def _unasked(symbol: str, now: datetime) -> EventAskRow:
    return EventAskRow(symbol=symbol, tried_at=now, outcome="updated")


def _wants_coming(run: _Pass, ask: EventAskRow) -> bool:
    """Say whether the calendar is due: once a day, for what Yahoo's American calendar can know."""
    reported = (ask.coming_at or _NEVER).astimezone(calendar().timezone).date()
    return exchange_of(ask.symbol) == DEFAULT_EXCHANGE and reported < run.today


def _wants_past(run: _Pass, ask: EventAskRow) -> bool:
    if ask.past_at is not None:
        return run.now - ask.past_at >= PAST_EVERY
    return ask.outcome != NoDays.outcome or run.now - ask.tried_at >= NOTHING_EVERY


def _ask_coming(run: _Pass, symbols: list[str]) -> None:
    """Ask the calendar about some symbols at once; what it doesn't tell of the days ahead isn't so."""
    scope = QueryScope(frozenset(symbols), run.today, run.today + AHEAD)
    ask = partial(run.source.days_to_come, symbols, scope.start, scope.end)
    reported = _reported(run, "the earnings calendar", ask, symbols)
    if reported is None:
        return
    with run.database.write() as db:
        run.kept += event_updates.update(db, reported, run.source.name, run.now, scope)
        for symbol in symbols:
            _note(db, symbol, run.now, coming_at=run.now)


def _ask_past(run: _Pass, symbol: str) -> None:
    """Ask for a symbol's past; of days to come its page counts only where the calendar has none."""
    reported = _reported(run, symbol, partial(run.source.past_days, symbol), [symbol])
    if reported is None:
        run.lacking.append(symbol)
        return
    with run.database.write() as db:
        if store.earnings_days(db, [symbol], start=run.today + timedelta(days=1)):
            reported = reported.filter(pl.col("date") <= run.today)
        run.kept += event_updates.update(db, reported, run.source.name, run.now)
        _note(db, symbol, run.now, past_at=run.now)


def _reported(run: _Pass, what: str, ask: partial[pl.DataFrame], symbols: list[str]) -> pl.DataFrame | None:
    """Return the answer; None where there was none, which is noted with each symbol."""
    left_s = run.deadline - time.monotonic()
    try:
        return side_guard_of(run.source).call(
            what, lambda time_s: ask(timeout_s=time_s), min(_ONE_S, left_s), attempts=1
        )
    except FetchFailed as error:
        if not isinstance(error, NoDays):
            run.failures.append(error)
            _log.warning("earnings days failed", what=what, outcome=error.outcome, detail=error.detail)
        with run.database.write() as db:
            for symbol in symbols:
                _note(db, symbol, run.now, error)
        return None


def _note(db: Session, symbol: str, now: datetime, error: FetchFailed | None = None, **reported: datetime) -> None:
    """Keep when a symbol's days were asked for, and how it went."""
    row = db.get(EventAskRow, symbol) or _unasked(symbol, now)
    row.sqlmodel_update(reported)
    row.tried_at, row.outcome, row.detail = now, error.outcome if error else "updated", error.lasting if error else ""
    db.add(row)


def _report(run: _Pass, *, due: bool, elapsed_s: float) -> RefreshReport:
    changed = run.kept.revised + run.kept.ended
    lacking = sorted(set(run.lacking))
    outcome: Outcome = "updated" if run.kept.new + changed else "unchanged" if due else "closed"
    if run.failures and outcome != "updated":
        outcome = run.failures[-1].outcome
    parts = [str(run.failures[0].detail)] if run.failures else []
    if lacking:
        more = len(lacking) - _NAMED
        parts.append(f"lacking: {' '.join(lacking[:_NAMED])}" + (f" and {more} more" if more > 0 else ""))
    return RefreshReport(REPORTED_AS, outcome, run.kept.new, changed, detail="; ".join(parts), elapsed_s=elapsed_s)
