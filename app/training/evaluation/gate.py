"""Who may be served: what a forecast may claim, and whether the winner replaces the champion in place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.registry.components.panel import Array
from app.registry.components.scores import crps, ratio_interval
from app.registry.versions.model import Model
from app.training.data.dataset import Dataset
from app.training.evaluation.evaluator import Evaluator
from app.training.evaluation.metrics import ScoredRows, absolute_errors

CLAIM = 0.99
"""Confidence of the interval behind a claim of point skill, before it is widened for the number of tries."""
DESIGNED = 250
"""Configurations that were looked at while the candidates were designed: they count as tried in every contest."""
FEWEST_NEW_SESSIONS = 20
"""A champion is judged by its own forecasts when this many sessions have come since it was trained."""
UNDECIDED = "intervals not shown sharper than history"
"""Said where the 95 % interval of the CRPS skill holds zero."""


@dataclass(frozen=True)
class Claim:
    """The interval of the MAE ratio that a claim of point skill rests on."""

    mae_ratio: float
    low: float
    high: float
    tries: int

    @property
    def point_skill(self) -> bool:
        """Whether the whole interval lies below 1."""
        return self.high < 1.0


def claim(rows: ScoredRows, candidates: int) -> Claim:
    """Measure the MAE ratio with a 99 % interval, widened for all that was tried (Bonferroni)."""
    tries = candidates + DESIGNED
    error, base = absolute_errors(rows)
    if not np.any(rows.location):
        return Claim(1.0, 1.0, 1.0, tries)
    ratio, low, high = ratio_interval(rows.day, error, base, 1.0 - (1.0 - CLAIM) / max(tries, 1))
    return Claim(ratio, low, high, tries)


def verdict(rows: ScoredRows, made: Claim) -> str:
    """Return the sentence that goes with every forecast of a model."""
    gain = 100.0 * (1.0 - made.mae_ratio)
    point = f"point error {gain:.2g} % below the random walk's" if made.point_skill else "no point skill shown"
    return f"{point}; {_sharpness(rows)}"


def _sharpness(rows: ScoredRows) -> str:
    """Say how the intervals compare with the random walk's, which are history's own; unless chance may explain it."""
    if not rows.crps_base.any():
        return UNDECIDED
    ratio, low, high = ratio_interval(rows.day, rows.crps, rows.crps_base)
    if low <= 1.0 <= high:
        return UNDECIDED
    return f"intervals {100.0 * abs(1.0 - ratio):.1f} % {'sharper' if ratio < 1.0 else 'less sharp'} than history"


@dataclass(frozen=True)
class Comparison:
    """The winner beside the champion in place, on the same rows."""

    better: bool
    rows: int
    sessions: int
    crps_winner: float | None
    crps_champion: float | None
    how: str


def compare(dataset: Dataset, evaluator: Evaluator, winner: str, champion: Model | None) -> Comparison:
    """Say whether the winner isn't worse than the champion on the same rows.

    Rows after the champion's last training session are forecast by the champion itself. Where there are too few, its
    own recipe, walked forward in this contest, stands for it: on older rows the champion would know the answers.
    """
    if champion is None:
        return _unopposed("there was no champion")
    missing = [name for name in champion.pipeline.features if name not in dataset.panel.frame.columns]
    if missing:
        return _unopposed(f"the champion reads {missing[0]}, which no longer exists")
    rows = evaluator.own_rows(winner)
    places = rows.row
    new = dataset.panel.days[rows.day] > np.datetime64(champion.card.trained_through)
    if len(np.unique(rows.day[new])) >= FEWEST_NEW_SESSIONS:
        made = dataset.forecast(champion.pipeline, champion.card.trained_through)
        losses = np.full(len(dataset.panel), np.nan)
        losses[made.rows] = crps(made.quantiles, dataset.target[made.rows])
        both = new & np.isfinite(losses[places])
        return _compared(rows.part(both), losses[places[both]], "the champion's own forecasts of newer sessions")
    if champion.card.name in evaluator.names:
        rival = evaluator.rows(champion.card.name)
        return _compared(
            evaluator.rows(winner), rival.crps, "the champion's recipe, walked forward over the same folds"
        )
    return _unopposed(f"no candidate is called {champion.card.name} any more")


def _unopposed(how: str) -> Comparison:
    return Comparison(better=True, rows=0, sessions=0, crps_winner=None, crps_champion=None, how=how)


def _compared(rows: ScoredRows, rival: Array, how: str) -> Comparison:
    ours, theirs = float(rows.crps.mean()), float(rival.mean())
    return Comparison(ours <= theirs, len(rows), len(np.unique(rows.day)), ours, theirs, how)
