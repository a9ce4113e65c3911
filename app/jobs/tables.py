"""The rows of this room: job_run, job_key and lease."""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import JSON, String
from sqlmodel import Field, Index, SQLModel, text

from app.core.db import UtcDateTime
from app.core.lease import Lease
from app.core.public import Instant

State = Literal["running", "done", "failed", "lost", "cancelled", "timed_out"]
Stop = Literal["cancelled", "timed_out"]


class JobRun(SQLModel):
    """One run: `progress` in [0, 1], `message` one line on what is being done or went wrong.

    `stopping` is the state in which it will end, once it was asked to; it still runs until its process is gone.
    """

    model_config = {"frozen": True}

    id: str = Field(primary_key=True, max_length=26)
    kind: str = Field(max_length=20)
    trigger: str = Field(max_length=20)
    state: State = Field(sa_type=String(10))
    stopping: Stop | None = Field(default=None, sa_type=String(10))
    progress: float = 0.0
    message: str = ""
    host: str = Field(max_length=80, exclude=True)
    pid: int | None = Field(default=None, exclude=True)
    started_at: Instant = Field(sa_type=UtcDateTime)
    heartbeat_at: Instant = Field(sa_type=UtcDateTime, exclude=True)
    ended_at: Instant | None = Field(default=None, sa_type=UtcDateTime)
    outcome: dict[str, Any] | None = Field(default=None, sa_type=JSON)


class JobRunRow(JobRun, table=True):
    """A stored run; the partial index lets one run per kind be `running`, over all processes."""

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


class JobKeyRow(SQLModel, table=True):
    """What a scheduled run was started for, such as a session's close: no two runs of a kind have the same key.

    A lost run gives its keys back.
    """

    __tablename__ = "job_key"

    kind: str = Field(primary_key=True, max_length=20)
    key: str = Field(primary_key=True, max_length=40)
    run_id: str = Field(foreign_key="job_run.id", max_length=26, index=True)


class LeaseRow(Lease, table=True):
    """Who runs the scheduler, and until when."""

    __tablename__ = "lease"

    holder: str | None = Field(max_length=80, nullable=False)
