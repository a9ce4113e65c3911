"""Bring the stored bars up to the last final session, one symbol at a time in its own transaction, several at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from typing import Final
from zlib import crc32

import polars as pl
from sqlmodel import Session

from app.core import log
from app.core.clock import Clock, calendar, wall
from app.core.db import Database
from app.core.errors import NoHistory, SourceUnavailable, UnknownSymbol
from app.core.progress import Progress, silent
from app.core.public import day
from app.prices import store
from app.prices.checks.restatement import compare
from app.prices.outcomes import DOWN, FAILED, Outcome, RefreshReport
from app.prices.refresh.fetch_plan import FetchPlan, plan_fetch
from app.prices.refresh.merge import merge
from app.prices.refresh.single_flight import single_flight
from app.prices.sources.guard import ASK_TIMEOUT_S, ATTEMPTS, guard_of
from app.prices.sources.protocol import Fetched, FetchFailed, NoBars, NoSuchSymbol, PriceSource
from app.prices.store import SymbolStatus
from app.prices.store.tables import SymbolRow
from app.prices.symbols import normalise

_WORKERS: Final = 4
_TENTHS: Final = 10
_log = log.get(__name__)


def refresh(
    database: Database,
    source: PriceSource,
    clock: Clock,
    symbols: Sequence[str] | None = None,
    progress: Progress = silent,
    *,
    whole: bool = False,
) -> list[RefreshReport]:
    """Bring these symbols, or the watchlist, up to the last final session; one report each, in their order.

    `whole` fetches full histories even where nothing is missing.

    No symbol's failure touches another one's bars, and a failed refresh leaves the symbol's bars as they were.
    """
    with database.read() as db:
        wanted = [normalise(symbol) for symbol in symbols] if symbols is not None else store.watchlist(db)
    one = partial(refresh_one, database, source, clock, since=wall(), whole=whole)
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="refresh") as pool:
        futures = [pool.submit(one, symbol) for symbol in dict.fromkeys(wanted)]
        for done, future in enumerate(as_completed(futures), start=1):
            report = future.result()
            progress(done / len(futures), f"{report.symbol}: {report.outcome}")
    return [future.result() for future in futures]


def refresh_tenth(
    database: Database, source: PriceSource, clock: Clock, progress: Progress = silent
) -> list[RefreshReport]:
    """Fetch this week's tenth of the stored symbols whole: what the source says otherwise is taken over, and kept.

    `changed` in a report counts the bars that differed; they are in `bar_revision` now.
    """
    with database.read() as db:
        held = [status.symbol for status in store.statuses(db) if status.bars]
    return refresh(database, source, clock, tenth(held, clock.now().isocalendar().week), progress, whole=True)


def tenth(symbols: list[str], week: int) -> list[str]:
    """Return the symbols of that ISO week's tenth; ten weeks in a row see each symbol once, whoever joins or leaves."""
    return [symbol for symbol in symbols if crc32(symbol.encode()) % _TENTHS == week % _TENTHS]


def refresh_one(
    database: Database,
    source: PriceSource,
    clock: Clock,
    symbol: str,
    since: datetime | None = None,
    *,
    whole: bool = False,
    limit_s: float = ASK_TIMEOUT_S,
    attempts: int = ATTEMPTS,
) -> RefreshReport:
    """Bring one symbol up to date unless another thread or process has done so since `since` (real time).

    `whole` fetches the full history even where nothing is missing. All attempts together take `limit_s` at most.
    """
    began = time.monotonic()
    with single_flight(database, symbol, since or wall(), wait_s=2 * limit_s) as ours:
        if ours:
            with database.read() as db:
                plan = plan_fetch(db, symbol, source.name, clock, whole=whole)
            report = _refreshed(database, source, plan, limit_s, attempts)
        else:
            report = _by_another(database, symbol)
    return replace(report, elapsed_s=time.monotonic() - began)


def _refreshed(
    database: Database, source: PriceSource, plan: FetchPlan, limit_s: float, attempts: int
) -> RefreshReport:
    if plan.closed:
        return RefreshReport(plan.symbol, "closed", last=plan.last, detail="no session became final since")
    try:
        fetched = _fetch(source, plan, limit_s, attempts)
        with database.write() as db:
            report = merge(db, plan.symbol, fetched, plan.stored, source.name, plan.now)
            return _noted(db, plan, replace(report, detail=report.detail or _missing(db, plan)))
    except FetchFailed as error:
        if error.before is None:
            _log.warning("refresh failed", symbol=plan.symbol, outcome=error.outcome, detail=error.detail)
        report = RefreshReport(plan.symbol, _outcome(error, plan), detail=error.detail)
        with database.read() as db:
            is_known = db.get(SymbolRow, plan.symbol) is not None
        if not is_known:  # a stranger's guess: nothing is to be kept, so no writer waits for it
            return report
        with database.write() as db:
            return _noted(db, plan, report, error.lasting)


def _fetch(source: PriceSource, plan: FetchPlan, limit_s: float, attempts: int) -> Fetched:
    """Ask for what is missing; ask for everything where the answer shows that history was rewritten."""
    began = time.monotonic()
    fetched = _since(plan.start, source, plan, limit_s, attempts)
    if plan.start is None or not _rewritten(plan, fetched):
        return fetched
    left_s = max(1.0, limit_s - (time.monotonic() - began))
    return _since(None, source, plan, left_s, attempts)


def _rewritten(plan: FetchPlan, fetched: Fetched) -> bool:
    new = fetched.actions.join(plan.actions, on=["session", "kind"], how="anti")
    return not new.is_empty() or compare(plan.stored, fetched.bars, fetched.actions).moved > 0


def _since(start: date | None, source: PriceSource, plan: FetchPlan, limit_s: float, attempts: int) -> Fetched:
    """Ask for the sessions from `start` on; drop the running session's row, and everything after it."""
    ask = partial(source.fetch, plan.symbol, start, plan.end)
    fetched = guard_of(source).call(plan.symbol, ask, limit_s, attempts)
    exchange = plan.exchange if fetched.exchange == plan.exchange.exchange else calendar(fetched.exchange)
    target = exchange.last_final(plan.now)
    bars = fetched.bars.filter(pl.col("session") <= target)
    if bars.is_empty():
        raise NoBars(f"the source has no final bars of {plan.symbol} in these sessions")
    return replace(fetched, bars=bars, actions=fetched.actions.filter(pl.col("session") <= target))


def _missing(db: Session, plan: FetchPlan) -> str:
    last = store.status(db, plan.symbol).last
    behind = plan.exchange.sessions_behind(last, plan.now) if last else 0
    which = f"the last {behind} sessions" if behind > 1 else day(plan.exchange.last_final(plan.now))
    return f"the source has no bar yet for {which}" if behind else ""


def _outcome(error: FetchFailed, plan: FetchPlan) -> Outcome:
    known = not plan.stored.is_empty()
    if isinstance(error, NoSuchSymbol):
        return "delisted" if known else "unknown"
    if isinstance(error, NoBars):
        # The window holds sessions that the source has given before, so an empty answer is no answer.
        return "malformed" if known else "unknown"
    return error.outcome


def _noted(db: Session, plan: FetchPlan, report: RefreshReport, error: str = "") -> RefreshReport:
    """Keep on the symbol's row how the refresh went, and why it failed; a symbol nobody knows gets no row."""
    row = db.get(SymbolRow, plan.symbol, populate_existing=True)
    if row is None:
        return report
    failed = report.outcome in FAILED
    row.outcome, row.error = report.outcome, (error or report.detail) if failed else None
    if not failed:
        row.refreshed_at = plan.now
    return replace(report, last=row.last)


def _by_another(database: Database, symbol: str) -> RefreshReport:
    """Report what another thread or process has just found."""
    with database.read() as db:
        row = db.get(SymbolRow, symbol)
    if row is None:
        return RefreshReport(symbol, "unknown", detail="asked by another process a moment ago")
    outcome = row.outcome if row.outcome in FAILED else "unchanged"
    return RefreshReport(symbol, outcome, last=row.last, detail="refreshed by another process a moment ago")


def lookup(database: Database, source: PriceSource, clock: Clock, symbol: str, timeout_s: float = 8.0) -> SymbolStatus:
    """Return the symbol's status, fetching and storing its history first where the store has none.

    Errors: `UnknownSymbol` where the source doesn't know it either, `SourceUnavailable` where it can't be asked,
    `NoHistory` where it has no bar that passes the checks.
    """
    symbol = normalise(symbol)
    if known := _with_bars(database, symbol):
        return known
    report = refresh_one(database, source, clock, symbol, limit_s=timeout_s)
    if known := _with_bars(database, symbol):
        return known
    if report.outcome in {"unknown", "delisted"}:
        raise UnknownSymbol(f"{symbol} is unknown here: {report.detail}; check its spelling, as in AAPL or BRK-B")
    if report.outcome in DOWN:
        raise SourceUnavailable(f"{symbol} isn't stored, and {report.detail}")
    raise NoHistory(f"{symbol} has no usable bar: {report.detail}")


def _with_bars(database: Database, symbol: str) -> SymbolStatus | None:
    with database.read() as db:
        return store.status(db, symbol) if store.last_bars(db, [symbol]) else None
