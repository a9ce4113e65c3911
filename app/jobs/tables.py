"""The rows of this room: job_run and lease."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, Index, SQLModel, text

from app.core.db import UtcDateTime
from app.core.lease import Lease


class JobRunRow(SQLModel, table=True):
    """One run of a job; the partial index lets one run per kind be `running`, over all processes."""

    __tablename__ = "job_run"
    __table_args__ = (
        Index(
            "uq_job_run_running",
            "kind",
            unique=True,
            sqlite_where=text("state = 'running'"),
            postgresql_where=text("state = 'running'"),
        ),
        Index("ix_job_run_started_at", "started_at"),
    )

    id: str = Field(primary_key=True, max_length=26)
    kind: str = Field(max_length=20)
    trigger: str = Field(max_length=20)
    state: str = Field(max_length=10)
    progress: float = 0.0
    message: str = ""
    host: str = Field(max_length=80)
    pid: int | None = None
    started_at: datetime = Field(sa_type=UtcDateTime)
    heartbeat_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    outcome: dict[str, Any] | None = Field(default=None, sa_type=JSON)


class LeaseRow(Lease, table=True):
    """Who runs the clockwork, and until when."""

    __tablename__ = "lease"

    holder: str | None = Field(max_length=80, nullable=False)
