"""The rows of this sub-room: alert_rule, alert and alert_delivery (the outbox)."""

from __future__ import annotations

from datetime import date
from typing import Literal

from sqlalchemy import String
from sqlmodel import Field, Index, SQLModel, UniqueConstraint

from app.core.db import UtcDateTime
from app.core.public import Instant

Kind = Literal["verdict", "stale", "band", "results", "move"]
Channel = Literal["webhook", "mail"]
DeliveryState = Literal["waiting", "sent", "given_up"]


class Rule(SQLModel):
    """When to alert; about one symbol, or about every watched one.

    `level` belongs to `verdict`: `watch` or `degraded` and worse, or `any` change. `threshold` belongs to the others:
    sessions that are lacking (`stale`), the level of the band (`band`), the expected move as a share (`move`).
    """

    model_config = {"frozen": True}

    id: str = Field(primary_key=True, max_length=26)
    kind: Kind = Field(sa_type=String(10))
    symbol: str | None = Field(default=None, max_length=20)
    level: str | None = Field(default=None, max_length=10)
    threshold: float | None = None
    created_at: Instant = Field(sa_type=UtcDateTime)


class RuleRow(Rule, table=True):
    """A stored rule; `state` is the verdict that it saw last."""

    __tablename__ = "alert_rule"

    state: str | None = Field(default=None, max_length=10)


class Alert(SQLModel):
    """What a rule found, or a test; the id is the same in every delivery of it."""

    model_config = {"frozen": True}

    id: str = Field(primary_key=True, max_length=26)
    rule_id: str | None = Field(default=None, max_length=26)
    kind: str = Field(max_length=10)
    symbol: str | None = Field(default=None, max_length=20)
    session: date | None = None
    title: str
    text: str
    created_at: Instant = Field(sa_type=UtcDateTime)


class AlertRow(Alert, table=True):
    """A stored alert; `key` names the state that it is about, for which its rule alerts once."""

    __tablename__ = "alert"
    __table_args__ = (UniqueConstraint("rule_id", "key"), Index("ix_alert_created_at", "created_at"))

    key: str = Field(max_length=60)


class Delivery(SQLModel):
    """How far an alert is on its way to one receiver; `error` is why the last attempt failed."""

    model_config = {"frozen": True}

    alert_id: str = Field(primary_key=True, foreign_key="alert.id", max_length=26, exclude=True)
    channel: Channel = Field(primary_key=True, sa_type=String(10))
    state: DeliveryState = Field(default="waiting", sa_type=String(10))
    attempts: int = 0
    next_at: Instant | None = Field(default=None, sa_type=UtcDateTime)
    sent_at: Instant | None = Field(default=None, sa_type=UtcDateTime)
    error: str | None = None


class DeliveryRow(Delivery, table=True):
    """A stored delivery."""

    __tablename__ = "alert_delivery"
    __table_args__ = (Index("ix_alert_delivery_state_next_at", "state", "next_at"),)
