"""Which candidate wins: the simplest whose CRPS can't be told from the best one's, among those whose bands hold.

The least CRPS by point estimate is mostly luck among near equals, and luck prefers the complicated: of what two errors
can't tell apart, the simplest is taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.registry.components.levels import INTERVALS
from app.registry.components.panel import Array, Index
from app.registry.components.scores import ratio_error
from app.training.evaluation.metrics import ScoredRows, summed

ERRORS: Final = 2.0
"""Two losses whose paired difference is within so many of its errors can't be told apart."""
MISS: Final = 0.02
"""A coverage that is farther than this from its level refuses a candidate whatever its CRPS."""
MISS_ERRORS: Final = 3.0
"""It must also be farther than so many of its own errors: chance alone refuses one level in 370."""
EVENT_MISSES: Final = {0.8: 0.05, 0.95: 0.03}
"""On event sessions a candidate whose coverage is farther than this from a level is passed over for one that holds."""
FEWEST_TO_REFUSE: Final = 120
"""Sessions below which the error of a coverage is itself too rough to refuse by."""


@dataclass(frozen=True, eq=False)
class SessionSums:
    """One candidate's sums over its rows, session by session in order: all that a choice reads.

    `inside` has a column for each of `INTERVALS`.
    """

    session: Index
    rows: Array
    crps: Array
    inside: Array

    @classmethod
    def of(cls, scored: ScoredRows) -> SessionSums:
        """Sum up scored rows."""
        session, number = np.unique(scored.day, return_inverse=True)
        inside = [summed(number, column) for column in scored.inside.T]
        return cls(session, summed(number, np.ones(len(number))), summed(number, scored.crps), np.column_stack(inside))

    def before(self, session: int) -> SessionSums:
        """Return what is summed over the sessions before one."""
        stop = int(np.searchsorted(self.session, session))
        return SessionSums(self.session[:stop], self.rows[:stop], self.crps[:stop], self.inside[:stop])


@dataclass(frozen=True)
class Standing:
    """Where a candidate stands: how far its CRPS lies above the best one's, in parts of it, and that share's error.

    `refused` says why it can't be champion whatever its CRPS, `passed_over` why one whose bands hold on event sessions
    is taken before it; empty where nothing speaks against it.
    """

    name: str
    crps: float
    behind: float
    behind_error: float
    refused: str
    passed_over: str = ""

    @property
    def among_the_best(self) -> bool:
        """Whether its CRPS can't be told from the best one's."""
        return self.behind <= ERRORS * self.behind_error


@dataclass(frozen=True)
class Choice:
    """Who wins, and where each candidate stands; the simplest candidate first."""

    best: str
    winner: str
    standings: tuple[Standing, ...]

    def standing(self, name: str) -> Standing:
        """Return one candidate's standing."""
        return next(one for one in self.standings if one.name == name)

    def __str__(self) -> str:
        """Say in one line who won and why."""
        chosen = self.standing(self.winner)
        if self.winner == self.best:
            won = f"{self.winner} has the least CRPS, and no simpler candidate is within two errors of it"
        else:
            won = (
                f"{self.winner} is the simplest within two errors of the least CRPS, {self.best}'s "
                f"({100.0 * chosen.behind:.2f} % behind, error {100.0 * chosen.behind_error:.2f} %)"
            )
        reasons = {one.name: one.refused or one.passed_over for one in self.standings}
        return "; ".join([won, *(f"{name}: {reason}" for name, reason in reasons.items() if reason)])


def choose(candidates: Mapping[str, SessionSums], on_events: Mapping[str, SessionSums] | None = None) -> Choice:
    """Choose among candidates that were judged on the same rows, the simplest first.

    `on_events` are the sums over event sessions alone. One that is refused or passed over isn't chosen, nor compared
    with, unless all are.
    """
    refused = {name: coverage_refusal(sums) for name, sums in candidates.items()}
    passed = {name: event_misses(sums) for name, sums in (on_events or {}).items()}
    holding = [name for name in candidates if not refused[name]]
    allowed = [name for name in holding if not passed.get(name)] or holding or list(candidates)
    best = min(allowed, key=lambda name: float(candidates[name].crps.sum()))
    standings = tuple(
        _standing(name, sums, candidates[best], refused[name], passed.get(name, ""))
        for name, sums in candidates.items()
    )
    winner = next(one.name for one in standings if one.name in allowed and one.among_the_best)
    return Choice(best, winner, standings)


def coverage_refusal(sums: SessionSums) -> str:
    """Say which interval holds too much or too little for chance, and by how much; empty where none does."""
    return _miss(sums, dict.fromkeys(INTERVALS, MISS))


def event_misses(sums: SessionSums) -> str:
    """Say which interval doesn't hold on event sessions; empty where all do, or there are too few."""
    found = _miss(sums, EVENT_MISSES)
    return found and f"on event sessions {found}"


def _miss(sums: SessionSums, allowed: Mapping[float, float]) -> str:
    if len(sums.session) < FEWEST_TO_REFUSE:
        return ""
    for level, inside in zip(INTERVALS, sums.inside.T, strict=True):
        coverage = float(inside.sum() / sums.rows.sum())
        off = abs(coverage - level)
        if off <= allowed.get(level, 1.0):
            continue
        error = _coverage_error(sums, inside, coverage, level)
        if off > MISS_ERRORS * error:
            return f"its {100 * level:.0f} % band holds {100 * coverage:.1f} % of outcomes (error {100 * error:.1f})"
    return ""


def _coverage_error(sums: SessionSums, inside: Array, coverage: float, level: float) -> float:
    """Return the error of a coverage whose level were right.

    Whole sessions are drawn in blocks, for the symbols of a session miss together. Where misses are fewer than the
    level says the draws vary less than they would if it were right: their spread is scaled up to that (as Wilson's
    interval does), and where all or none are inside, sessions count as single trials.
    """
    right = level * (1.0 - level)
    found = coverage * (1.0 - coverage)
    if found <= 0.0:
        return float(np.sqrt(right / len(sums.session)))
    drawn = coverage * ratio_error(sums.session, inside, sums.rows)
    return drawn * max(1.0, float(np.sqrt(right / found)))


def _standing(name: str, sums: SessionSums, best: SessionSums, refused: str, passed_over: str) -> Standing:
    behind = float(np.log(sums.crps.sum() / best.crps.sum()))
    error = 0.0 if sums is best else ratio_error(sums.session, sums.crps, best.crps)
    return Standing(name, float(sums.crps.sum() / sums.rows.sum()), behind, error, refused, passed_over)
