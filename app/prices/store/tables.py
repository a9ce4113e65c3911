"""The rows of this room, the only ones that stand for prices: symbols, bars, their past values, actions, events."""

from __future__ import annotations

import datetime as dt
from datetime import date, datetime
from typing import Final

from sqlalchemy import BigInteger
from sqlmodel import AutoString, Field, Index, SQLModel

from app.core.clock import DEFAULT_EXCHANGE
from app.core.db import UtcDateTime
from app.core.lease import Lease
from app.core.public import Instant
from app.prices.outcomes import Outcome


class SymbolRow(SQLModel, table=True):
    """A symbol the store knows: what the source said of it, how its last refresh went, and what it holds.

    `first` and `last` session and `bars` repeat what the bars say; each transaction that writes bars keeps them
    true, so that no page counts a million rows. `version` counts those transactions, and those that change its
    earnings days.
    """

    __tablename__ = "symbol"

    symbol: str = Field(primary_key=True, max_length=20)
    name: str | None = None
    exchange: str = DEFAULT_EXCHANGE
    currency: str | None = None
    watched: bool = False
    position: int | None = None
    added_at: datetime = Field(sa_type=UtcDateTime)
    refreshed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    outcome: Outcome | None = Field(default=None, sa_type=AutoString)
    error: str | None = None
    first: date | None = Field(default=None, sa_column_kwargs={"name": "first_session"})
    last: date | None = Field(default=None, sa_column_kwargs={"name": "last_session"})
    bars: int = 0
    version: int = 0


class _Bar(SQLModel):
    """What a stored bar says of its session, and who said it when."""

    open: float
    high: float
    low: float
    close: float
    volume: int = Field(sa_type=BigInteger)
    adj_close: float | None = None
    source: str = Field(max_length=20)
    fetched_at: datetime = Field(sa_type=UtcDateTime)
    final: bool = True


class BarRow(_Bar, table=True):
    """One symbol's session; clustered by (symbol, session), so that a history is one range read."""

    __tablename__ = "bar"
    __table_args__ = {"sqlite_with_rowid": False}

    symbol: str = Field(primary_key=True, foreign_key="symbol.symbol", max_length=20)
    session: date = Field(primary_key=True)


class BarRevisionRow(_Bar, table=True):
    """The values that a refresh replaced, so that history as it was known on a past day can be rebuilt."""

    __tablename__ = "bar_revision"
    __table_args__ = (Index("ix_bar_revision_symbol_session", "symbol", "session"),)

    id: int | None = Field(default=None, primary_key=True)
    symbol: str = Field(foreign_key="symbol.symbol", max_length=20)
    session: date
    replaced_at: datetime = Field(sa_type=UtcDateTime)
    reason: str


class AdjustmentRow(SQLModel, table=True):
    """A dividend restated `adj_close` of older bars by one factor: times `factor` they are what they were before."""

    __tablename__ = "adjustment"
    __table_args__ = (Index("ix_adjustment_symbol_replaced_at", "symbol", "replaced_at"),)

    id: int | None = Field(default=None, primary_key=True)
    symbol: str = Field(foreign_key="symbol.symbol", max_length=20)
    first: date
    last: date
    factor: float
    replaced_at: datetime = Field(sa_type=UtcDateTime)


class ActionRow(SQLModel, table=True):
    """A split or a dividend: `split` with its ratio (4.0 is four for one), `dividend` with its amount a share."""

    __tablename__ = "action"
    __table_args__ = {"sqlite_with_rowid": False}

    symbol: str = Field(primary_key=True, foreign_key="symbol.symbol", max_length=20)
    session: date = Field(primary_key=True)
    kind: str = Field(primary_key=True, max_length=10)
    value: float
    fetched_at: datetime = Field(sa_type=UtcDateTime)


class EarningsDay(SQLModel):
    """A day on which a company tells its results: before the open (`bmo`), after the close (`amc`), or `unknown`."""

    model_config = {"frozen": True}

    symbol: str = Field(max_length=20)
    kind: str = Field(max_length=20)
    date: dt.date
    timing: str = Field(max_length=10)
    source: str = Field(max_length=20)
    known_at: Instant = Field(sa_type=UtcDateTime)
    first_seen: Instant = Field(sa_type=UtcDateTime)
    last_seen: Instant = Field(sa_type=UtcDateTime)


class EventRow(EarningsDay, table=True):
    """An earnings day as one source reported it from `first_seen` on.

    A row's symbol, date and timing never change: what is reported otherwise is a new row, and this one ends. The symbol
    needs no row of its own, so that days can be known before prices are.
    """

    model_config = {"frozen": False}

    __tablename__ = "event"
    __table_args__ = (Index("ix_event_symbol_date", "symbol", "date"), Index("ix_event_ended_at", "ended_at"))

    id: int | None = Field(default=None, primary_key=True)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class EventAskRow(SQLModel, table=True):
    """When a source last gave a symbol's earnings days, past ones and those to come, and how the last try went.

    `outcome` and `detail` are of the last try, whether it was about the past or about what comes.
    """

    __tablename__ = "event_ask"

    symbol: str = Field(primary_key=True, max_length=20)
    past_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    coming_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    tried_at: datetime = Field(sa_type=UtcDateTime)
    outcome: Outcome = Field(sa_type=AutoString)
    detail: str = ""


HELD: Final = "held"
DROPPED: Final = "dropped"


class QuarantineRow(SQLModel, table=True):
    """A bar that failed a check, and why; never fed to a model, released or dropped by hand."""

    __tablename__ = "quarantine"
    __table_args__ = (Index("ix_quarantine_symbol_session", "symbol", "session"),)

    id: int | None = Field(default=None, primary_key=True)
    symbol: str = Field(foreign_key="symbol.symbol", max_length=20)
    session: date
    open: float | None = None
    high: float | None = None
    low: float | None = None
    close: float | None = None
    volume: int | None = Field(default=None, sa_type=BigInteger)
    adj_close: float | None = None
    source: str = Field(max_length=20)
    fetched_at: datetime = Field(sa_type=UtcDateTime)
    rule: str = Field(max_length=40)
    detail: str
    state: str = Field(default=HELD, max_length=10)
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class PriceVersionRow(SQLModel, table=True):
    """One row that counts the transactions which changed a final bar."""

    __tablename__ = "price_version"

    id: int = Field(primary_key=True)
    version: int = 0


class FlightRow(Lease, table=True):
    """Who fetches a symbol right now, and when a fetch last ended well."""

    __tablename__ = "flight"

    name: str = Field(primary_key=True, max_length=20, sa_column_kwargs={"name": "symbol"})
    expires_at: datetime = Field(sa_type=UtcDateTime, sa_column_kwargs={"name": "until"})
    landed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
