"""Proofs that a user can run: no leak from the future, and no skill found where there is none."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.db import Database
from app.core.progress import Progress, silent
from app.core.settings import Settings


@dataclass(frozen=True)
class Proof:
    """One proof's outcome; `details` has a line per check, the offending feature, row or figure first."""

    name: str
    passed: bool
    details: tuple[str, ...]
    elapsed_s: float


def leakage(settings: Settings, database: Database, progress: Progress = silent) -> Proof:
    """Truncate, mutate and rescale the stored bars: features and forecasts known before must not change."""
    raise NotImplementedError


def placebo(progress: Progress = silent, markets: int = 20) -> Proof:
    """Run the contest's claim on simulated markets: none without an edge may get point skill, planted ones must."""
    raise NotImplementedError
