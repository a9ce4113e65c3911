"""Scoring: a forecast meets its close, on the price basis it was made on; written once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.core.clock import Clock
from app.core.db import Database
from app.core.progress import Progress, silent


@dataclass(frozen=True)
class Score:
    """How a forecast came out; prices and errors are on the basis of its `last_close`.

    `hit_direction` is None when the close didn't move or the forecast took no side. `crps_random_walk` is that of the
    last close with the quantiles of the symbol's last 250 log returns. `pit` is the forecast's distribution function
    at the realised close.
    """

    forecast_id: str
    realised_close: float
    realised_return: float
    abs_error: float
    abs_error_random_walk: float
    hit_direction: bool | None
    hit_50: bool
    hit_80: bool
    hit_95: bool
    crps: float
    crps_random_walk: float
    pit: float
    scored_at: datetime


def score_due(database: Database, clock: Clock, progress: Progress = silent) -> int:
    """Score every unscored forecast whose target bar is final, and return how many that were."""
    raise NotImplementedError
