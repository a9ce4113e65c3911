"""The served pipeline replayed session by session, nothing known that was not known then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from app.core.db import Database
from app.core.progress import Progress, silent
from app.core.settings import Settings
from app.registry.card import Score


@dataclass(frozen=True)
class BacktestReport:
    """What was written, and every model's score over it."""

    out: str
    rows: int
    first_session: str
    last_session: str
    refits: int
    scores: dict[str, Score]
    elapsed_s: float


def run_backtest(
    settings: Settings,
    database: Database,
    out: Path,
    start: date | None = None,
    end: date | None = None,
    refit_every: int = 63,
    symbols: Sequence[str] | None = None,
    progress: Progress = silent,
) -> BacktestReport:
    """Write one row per (symbol, model, as_of in [start, end]) to `out`, with all candidates and the champion.

    Refits fall on every `refit_every`-th session counted from the panel's first, so later data changes no row.
    Finished folds are kept beside `out` until the end, so that a stopped run goes on where it stopped.
    """
    raise NotImplementedError
