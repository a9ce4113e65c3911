"""The schedule of a walk: when models are refitted, and which sessions each refit forecasts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.core.errors import BadInput, NoHistory
from app.core.public import counted
from app.training.data.dataset import LEARN_AFTER, Dataset

REFIT_EVERY = 63
FEWEST_SESSIONS = 120
"""Fewer out-of-fold sessions than this calibrate nothing."""
LEARN_SESSIONS = 186
"""The first fold starts when this many sessions can be learnt from."""
SESSIONS_A_YEAR = 252


@dataclass(frozen=True)
class Fold:
    """Sessions start … stop - 1, forecast by models that know what was known at the close of `start`."""

    number: int
    start: int
    stop: int


def folds(dataset: Dataset, refit_every: int = REFIT_EVERY, *, judged: bool = True) -> list[Fold]:
    """Return the folds of a panel, the last one empty: its models are those that serve after the last session.

    Starts are counted from the panel's first session, so dropping later data changes no fold before it.
    Errors: `NoHistory` when the panel is too short for a fold that can be `judged`, or for any; `BadInput` when it is
    long enough, and only `refit_every` is too long for it.
    """
    days = len(dataset.panel.days)
    learnt = np.unique(dataset.panel.day[dataset.forward])
    shortest = LEARN_SESSIONS + (FEWEST_SESSIONS + 2 * min(refit_every, REFIT_EVERY) if judged else 1)
    if len(learnt) < shortest:
        bars = shortest + LEARN_AFTER + 1  # the last one's outcome isn't known yet
        raise NoHistory(
            f"{counted(len(learnt), 'session')} can be learnt from, {shortest} are needed: fetch or import bars of "
            f"about {bars} sessions ({counted(round(bars / SESSIONS_A_YEAR), 'year')})"
        )
    longest = (len(learnt) - LEARN_SESSIONS - FEWEST_SESSIONS) // 2
    if judged and refit_every > longest:
        raise BadInput(
            f"a refit every {refit_every} sessions is too rare for the {len(learnt)} that can be learnt from: at most "
            f"every {longest}"
        )
    first = int(learnt[0]) + LEARN_SESSIONS
    starts = [start for start in range(0, days, refit_every) if start >= first]
    made = [Fold(number, start, min(start + refit_every, days)) for number, start in enumerate(starts)]
    return [*made, Fold(len(made), days, days)]
