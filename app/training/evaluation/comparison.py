"""The winner beside the champion in place, on every row where the champion has an honest figure.

A champion knows the outcomes that it was trained on, so of older rows only what its card recorded counts: its own
out-of-fold losses, week by week. Of newer rows its own artefact makes the forecasts. What was recorded comes from the
code of that day: a defect that all of today's candidates share shows beside it.

A recorded week counts where the same rows stand in it today. That is asked of their number and of the random walk's
loss, which nothing fitted goes into, instead of a hash over bars: after a split a source quotes all earlier prices
anew, rounded at another place, and a hash would throw the whole record away for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from app.core.public import counted
from app.registry.components.panel import Array, Index, count_distinct
from app.registry.components.scores import crps, ratio_error
from app.registry.versions.card import ModelCard
from app.registry.versions.model import Model
from app.training.data.dataset import Dataset
from app.training.evaluation.evaluator import Evaluator, mondays, week_losses
from app.training.evaluation.metrics import ScoredRows, summed
from app.training.evaluation.selection import ERRORS

FEWEST_SESSIONS: Final = 20
"""Fewer sessions in common than this compare nothing."""
_BLOCK_WEEKS: Final = 2


@dataclass(frozen=True)
class Comparison:
    """The winner beside the champion; `behind` is the part by which its CRPS lies above, with its paired error.

    `recorded` counts the sessions judged by what the champion's card recorded, `newer` those by its own forecasts.
    """

    better: bool
    how: str
    rows: int = 0
    recorded: int = 0
    newer: int = 0
    crps_winner: float | None = None
    crps_champion: float | None = None
    behind: float | None = None
    behind_error: float | None = None


NOBODY: Final = Comparison(better=True, how="there was no champion")


@dataclass(frozen=True, eq=False)
class _Losses:
    """Losses of both on rows in common, summed by week; `week` is that of the card, or one of its own for new rows."""

    week: Index
    n: Array
    winner: Array
    champion: Array
    sessions: int


def compare(dataset: Dataset, evaluator: Evaluator, winner: str, champion: Model | None) -> Comparison:
    """Say whether the winner isn't worse than the champion: not by more than two paired errors of its CRPS.

    Without rows in common it is refused, unless the champion can't forecast what is stored now.
    """
    if champion is None:
        return NOBODY
    card, names = champion.card, dataset.panel.names
    rows = evaluator.rows(winner)
    rows = rows.part(np.isin(names, card.symbols)[rows.symbol])
    newer = dataset.panel.frame["next_session"].to_numpy()[rows.row] > np.datetime64(card.trained_through)
    missing = [name for name in champion.pipeline.features if name not in dataset.panel.frame.columns]
    recorded = _recorded(dataset, rows.part(~newer), card)
    own = None if missing else _forecast(dataset, rows.part(newer), champion)
    if recorded.sessions + (own.sessions if own else 0) >= FEWEST_SESSIONS:
        return _compared(recorded, own)
    if missing:
        return Comparison(better=True, how=f"the champion reads {missing[0]}, which no longer exists")
    if not len(rows):
        return Comparison(better=True, how="the champion learnt none of today's symbols")
    return Comparison(
        better=False,
        how=f"it can't be compared with the champion: {recorded.sessions} of its recorded sessions stand in the store "
        f"as they did, and {own.sessions if own else 0} came since; `nextclose promote` decides by hand",
    )


def _recorded(dataset: Dataset, rows: ScoredRows, card: ModelCard) -> _Losses:
    """Return the weeks of the card that hold the same rows today."""
    sessions = dataset.panel.days[rows.day]
    today, then = week_losses(sessions, rows.crps, rows.crps_base), card.metrics.by_week
    same = [week for week, loss in today.items() if week in then and then[week].is_of_same_rows(loss)]
    weeks = np.array(same, dtype="datetime64[D]")
    n = np.array([today[week].n for week in same], dtype=np.float64)
    return _Losses(
        week=weeks.astype(np.int64),
        n=n,
        winner=n * [today[week].crps for week in same],
        champion=n * [then[week].crps for week in same],
        sessions=len(np.unique(sessions[np.isin(mondays(sessions), weeks)])),
    )


def _forecast(dataset: Dataset, rows: ScoredRows, champion: Model) -> _Losses:
    """Let the champion itself forecast the rows whose outcome came after it was trained."""
    made = dataset.forecast(champion.pipeline, champion.card.trained_through)
    losses = np.full(len(dataset.panel), np.nan)
    losses[made.rows] = crps(made.quantiles, dataset.target[made.rows])
    rows = rows.part(np.isfinite(losses[rows.row]))
    weeks, number = np.unique(mondays(dataset.panel.days[rows.day]), return_inverse=True)
    n, ours, theirs = (summed(number, values) for values in (np.ones(len(rows)), rows.crps, losses[rows.row]))
    return _Losses(weeks.astype(np.int64) + 1, n, ours, theirs, count_distinct(rows.day))


def _compared(recorded: _Losses, own: _Losses | None) -> Comparison:
    parts = [recorded, own] if own else [recorded]
    week, n, ours, theirs = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("week", "n", "winner", "champion")
    )
    behind, error = float(np.log(ours.sum() / theirs.sum())), ratio_error(week, ours, theirs, _BLOCK_WEEKS)
    newer = own.sessions if own else 0
    grounds = [f"{counted(recorded.sessions, 'session')} that its card recorded"] if recorded.sessions else []
    grounds += [f"{counted(newer, 'newer one')} that it forecast itself"] if newer else []
    return Comparison(
        better=behind <= ERRORS * error,
        how=f"beside the champion on {' and '.join(grounds)}",
        rows=int(n.sum()),
        recorded=recorded.sessions,
        newer=newer,
        crps_winner=float(ours.sum() / n.sum()),
        crps_champion=float(theirs.sum() / n.sum()),
        behind=behind,
        behind_error=error,
    )
