"""When a cycle is due: some minutes after each exchange's close, and again later while its prices aren't there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlmodel import Session

from app.core.clock import DEFAULT_EXCHANGE, Calendar, calendar
from app.core.public import Instant
from app.jobs import runs
from app.prices import store
from app.prices.store import SymbolStatus
from app.prices.store.holes import RETRY_AFTER, holes

AFTER_FINAL = (timedelta(minutes=2), *RETRY_AFTER)
"""A cycle's instants, counted from when the session's bar is final; all but the first only while bars are missing."""


def due(db: Session, now: datetime) -> list[str]:
    """Return the exchanges whose newest final session wants a cycle now, sorted.

    The session does so until one has started after its first instant; and again after each later instant, while a
    watched symbol of that exchange lacks its bar or has a hole shortly before it. A lost run doesn't count; a failed
    one does, until the next instant.
    """
    tried = runs.last(db, "cycle", "first_run")
    since = tried.started_at if tried is not None and tried.state != "lost" else None
    watched: dict[str, list[SymbolStatus]] = {}
    for one in store.statuses(db):
        if one.watched:
            watched.setdefault(one.exchange, []).append(one)
    wanting = watched or {DEFAULT_EXCHANGE: []}
    return [exchange for exchange, its in sorted(wanting.items()) if _is_due(db, calendar(exchange), now, since, its)]


def cycle_keys(exchanges: Sequence[str], now: datetime) -> list[str]:
    """Return what a cycle that these exchanges want now is for: the session, and which of its instants has passed."""
    keys = []
    for exchange in exchanges:
        days = calendar(exchange)
        session = days.last_final(now)
        keys.append(f"{exchange} {session} {sum(at <= now for at in _instants(days, session))}")
    return keys


def check_is_due(db: Session, now: datetime) -> bool:
    """Say whether this ISO week still wants its full check; it waits until nothing else runs."""
    tried = runs.last(db, "check")
    done = tried is not None and tried.state != "lost" and tried.started_at.isocalendar()[:2] == now.isocalendar()[:2]
    return not done and not runs.running(db)


@dataclass(frozen=True)
class Upcoming:
    """A job that the scheduler will start by itself, and when; `exchange` is whose close it follows."""

    kind: str
    exchange: str | None
    at: Instant


def upcoming(db: Session, now: datetime) -> list[Upcoming]:
    """Return what comes next of each scheduled job, soonest first; the check is due from the week's start on."""
    monday = datetime.combine(now.date() + timedelta(days=7 - now.weekday()), time(), UTC)
    check = Upcoming("check", None, now if check_is_due(db, now) else monday)
    return sorted([*next_cycles(db, now), check], key=lambda one: (one.at, one.exchange or ""))


def next_cycles(db: Session, now: datetime) -> list[Upcoming]:
    """Return the next cycle of each exchange with watched symbols, or of the usual one."""
    exchanges = store.codes(db, watched=True) or {DEFAULT_EXCHANGE}
    return [Upcoming("cycle", exchange, next_cycle(exchange, now)) for exchange in exchanges]


def next_cycle(exchange: str, now: datetime) -> datetime:
    """Return when the exchange's next session will want its cycle."""
    days = calendar(exchange)
    session = days.last_final(now)
    at = _instants(days, session)[0]
    return at if at > now else _instants(days, days.next_session(session))[0]


def _is_due(db: Session, days: Calendar, now: datetime, since: datetime | None, watched: list[SymbolStatus]) -> bool:
    session = days.last_final(now)
    first, *later = _instants(days, session)
    if now < first:
        return False
    if since is None or since < first:
        return True
    if not any(since < at <= now for at in later):
        return False
    is_behind = any(one.last is None or one.last < session for one in watched)
    return is_behind or bool(holes(db, [one.symbol for one in watched], days, session))


def _instants(days: Calendar, session: date) -> list[datetime]:
    return [days.final_at(session) + after for after in AFTER_FINAL]
