"""The row of this room: decision, append-only."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from app.core.db import UtcDateTime


class DecisionRow(SQLModel, table=True):
    """One decision on a version, of a `decisions.Kind`, with its evidence card as JSON."""

    __tablename__ = "decision"

    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(max_length=20)
    version: str = Field(max_length=40)
    previous_version: str | None = Field(default=None, max_length=40)
    reason: str
    evidence: dict[str, Any] = Field(sa_type=JSON)
    decided_at: datetime = Field(sa_type=UtcDateTime)
