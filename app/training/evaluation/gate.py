"""What a forecast may claim: point skill, and bands that are sharper than history's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.registry.components.scores import ratio_interval
from app.registry.versions.card import NO_POINT_SKILL
from app.training.evaluation.metrics import ScoredRows, absolute_errors

CLAIM = 0.99
"""Confidence of the interval behind a claim of point skill, before it is widened for the number of tries."""
DESIGNED = 348
"""Configurations that were looked at while the candidates were designed: they count as tried in every contest."""
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
    point = f"point error {gain:.2g} % below the random walk's" if made.point_skill else NO_POINT_SKILL
    return f"{point}; {_sharpness(rows)}"


def _sharpness(rows: ScoredRows) -> str:
    """Say how the intervals compare with the random walk's, which are history's own; unless chance may explain it."""
    if not rows.crps_base.any():
        return UNDECIDED
    ratio, low, high = ratio_interval(rows.day, rows.crps, rows.crps_base)
    if low <= 1.0 <= high:
        return UNDECIDED
    return f"intervals {100.0 * abs(1.0 - ratio):.1f} % {'sharper' if ratio < 1.0 else 'less sharp'} than history"
