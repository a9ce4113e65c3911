"""Whether one model's losses differ from another's by more than chance, on the weeks that both forecast alike."""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, expm1, isfinite, log
from statistics import NormalDist
from typing import Any, Final

import numpy as np

from app.registry.components.scores import ratio_error
from app.registry.versions.card import WeekLoss

Weeks = Mapping[str, WeekLoss]
"""Losses by the Monday of a week."""
FEWEST_WEEKS: Final = 8
"""Fewer weeks in common than this compare nothing."""
_BLOCK_WEEKS: Final = 2
_REACH: Final = NormalDist().inv_cdf(0.975)


def compared(first: Weeks, other: Weeks) -> dict[str, Any]:
    """Return how another's CRPS lies beside the first one's; a week counts where both have the same rows in it."""
    common = [week for week, loss in first.items() if week in other and loss.is_of_same_rows(other[week])]
    n = np.array([first[week].n for week in common], dtype=np.float64)
    ours, theirs = (n * [one[week].crps for week in common] for one in (first, other))
    found: dict[str, Any] = {"weeks": len(common), "rows": int(n.sum())}
    if len(common) < FEWEST_WEEKS or not ours.sum() > 0:
        return found | dict.fromkeys(("crps", "crps_first", "behind", "behind_low", "behind_high", "differs"))
    behind, error = log(theirs.sum() / ours.sum()), ratio_error(np.arange(len(common)), theirs, ours, _BLOCK_WEEKS)
    low, high = (expm1(behind + side * _REACH * error) if isfinite(error) else None for side in (-1.0, 1.0))
    return found | {
        "crps": float(theirs.sum() / n.sum()),
        "crps_first": float(ours.sum() / n.sum()),
        "behind": exp(behind) - 1.0,
        "behind_low": low,
        "behind_high": high,
        "differs": None if low is None or high is None else low > 0.0 or high < 0.0,
    }
