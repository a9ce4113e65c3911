"""Every candidate's scores by part: what pages and the API compare candidates with, kept with the decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from app.registry.versions.card import Metrics, Score

FIGURES: Final = ("n", "crps_skill", "crps_skill_low", "crps_skill_high", "mae_ratio", "coverage_80")
"""What is kept of every candidate; the winner's card has all figures."""
PARTS: Final = ("fold", "year", "tercile", "kind", "symbol")
_DIGITS: Final = 6


def parts(metrics: Mapping[str, Metrics]) -> dict[str, Any]:
    """Return scores by fold, year, volatility tercile, kind and symbol, and losses by week, of candidates by name.

    Of each part `keys` name its pieces, and each candidate has for each figure a list of one number a piece, None where
    it isn't known. A week has the mean CRPS of its `n` rows, which are the same for all, as is the random walk's.
    """
    found = {part: _of({name: getattr(one, f"by_{part}") for name, one in metrics.items()}, part) for part in PARTS}
    weeks = {name: one.by_week for name, one in metrics.items()}
    first = next(iter(weeks.values()), {})
    week = {
        "keys": list(first),
        "n": [loss.n for loss in first.values()],
        "random_walk": [loss.crps_random_walk for loss in first.values()],
        "candidates": {name: [loss.crps for loss in own.values()] for name, own in weeks.items()},
    }
    return {**found, "week": week}


def _of(scores: Mapping[str, Mapping[str, Score]], part: str) -> dict[str, Any]:
    keys = sorted({key for own in scores.values() for key in own}, key=_order(part))
    return {
        "keys": keys,
        "candidates": {
            name: {figure: [_short(own.get(key), figure) for key in keys] for figure in FIGURES}
            for name, own in scores.items()
        },
    }


def _order(part: str) -> Callable[[str], Any]:
    """Return by what the pieces of a part are sorted: terciles from low to high, all else by name."""
    return ("low", "middle", "high").index if part == "tercile" else str


def _short(score: Score | None, figure: str) -> float | None:
    value = None if score is None else getattr(score, figure)
    return round(value, _DIGITS) if isinstance(value, float) else value
