"""The contest: every candidate walks forward over the same folds, and the best may become champion."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from app.core.clock import Clock
from app.core.db import Database
from app.core.progress import Progress, silent
from app.core.settings import Settings
from app.registry.card import Score


@dataclass(frozen=True)
class ContestRow:
    """One candidate's line in the table."""

    name: str
    score: Score
    seconds: float


@dataclass(frozen=True)
class ContestResult:
    """The table, best CRPS first, and what was decided on it."""

    rows: tuple[ContestRow, ...]
    winner: str
    version: str
    promoted: bool
    verdict: str
    reason: str
    tries: int
    first_session: str
    last_session: str
    elapsed_s: float

    def as_dict(self) -> dict[str, Any]:
        """Return plain values; each row's score is flattened beside its name."""
        table = [{"name": row.name, **row.score.model_dump(), "seconds": row.seconds} for row in self.rows]
        return {**{key: value for key, value in asdict(self).items() if key != "rows"}, "rows": table}

    def to_json(self) -> str:
        """Return the result as one JSON document."""
        return json.dumps(self.as_dict(), allow_nan=False)


def run_contest(settings: Settings, database: Database, clock: Clock, progress: Progress = silent) -> ContestResult:
    """Train and judge every candidate on the stored bars, log to MLflow, save the winner, decide on promotion.

    Errors: `TrackingUnavailable` before any work when MLflow can't be used; `NoHistory` when the store holds too few
    bars to judge a model; `CheckFailed` when a proof fails.
    """
    raise NotImplementedError
