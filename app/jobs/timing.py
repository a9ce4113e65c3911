"""How long jobs may take, and how long a running one still will."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlmodel import Session
from ulid import ULID

from app.core.clock import wall
from app.jobs import runs
from app.jobs.tables import JobRun

_MINUTE, _HOUR = 60.0, 3600.0
LIMITS_S: Final = {
    "refresh": 1 * _HOUR,
    "forecast": 30 * _MINUTE,
    "score": 30 * _MINUTE,
    "check": 1 * _HOUR,
    "monitor": 30 * _MINUTE,
    "prove": 6 * _HOUR,
    "deliver": 5 * _MINUTE,
    "alias": 30 * _MINUTE,
    "cycle": 8 * _HOUR,
    "train": 6 * _HOUR,
    "first_run": 8 * _HOUR,
}
"""Several times what 500 symbols take on two busy cores: who reaches it hangs. A cycle may train."""
USUAL_LIMIT_S: Final = 2 * _HOUR
"""The limit of a kind that isn't listed."""

_TOLD_FROM = 0.03
"""Progress from which on it tells something about the time left."""


class TimedRun(JobRun):
    """A run as it is told: with the seconds that are left, where that can be estimated, and those it may take."""

    remaining_s: float | None = None
    limit_s: float = USUAL_LIMIT_S


def limit_s(kind: str) -> float:
    """Return after how many seconds a run of this kind is ended."""
    return LIMITS_S.get(kind, USUAL_LIMIT_S)


def timed(db: Session, found: Sequence[JobRun]) -> list[TimedRun]:
    """Return the runs with the time that is left of those that run, in the same order."""
    usual = {run.kind: _usual_s(db, run.kind) for run in found if run.state == "running"}
    now = wall()
    return [
        TimedRun.model_validate(
            run, update={"remaining_s": remaining_s(run, usual.get(run.kind), now), "limit_s": limit_s(run.kind)}
        )
        for run in found
    ]


def remaining_s(run: JobRun, usual_s: float | None, now: datetime) -> float | None:
    """Estimate the seconds left: by the run before at first, and the more by its own progress the further it is.

    `usual_s` is what the newest one that was done took. None while neither tells anything.
    """
    if run.state != "running":
        return None
    elapsed = max((now - started_at(run)).total_seconds(), 0.0)
    by_progress = elapsed * (1.0 - run.progress) / run.progress if run.progress >= _TOLD_FROM else None
    by_last = None if usual_s is None else max(usual_s - elapsed, 0.0)
    if by_progress is None or by_last is None:
        left = by_last if by_progress is None else by_progress
    else:
        left = run.progress * by_progress + (1.0 - run.progress) * by_last
    return None if left is None else float(round(left))


def started_at(run: JobRun) -> datetime:
    """Return the real instant at which the run was opened, whatever instant the settings fix; its id tells it."""
    return ULID.from_str(run.id).datetime


def _usual_s(db: Session, kind: str) -> float | None:
    done = runs.last(db, kind, state="done")
    took = (done.ended_at - done.started_at).total_seconds() if done is not None and done.ended_at else 0.0
    return took or None  # no time passes where the settings fix it
