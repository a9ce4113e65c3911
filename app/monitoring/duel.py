"""The duel: a challenger beside the champion on the same rows, both forecast before the close they are about.

What it takes to win, over at least 20 sessions that both forecast: a CRPS below the champion's by more than 3.5 of its
paired errors, and on sessions that trade results first, where there are at least five, not above it by more than two.
That much, for a duel is looked at each evening: of equals, six evenings long, one in fifty is decided by chance, where
two errors would decide one in six. Or, being fresher: it learnt a quarter more than the champion (63 sessions, after
which a walk refits, so that no figure speaks for an older model), and its CRPS isn't above the champion's by more than
two errors. A challenger loses, and ends its time in shadow, when its CRPS is above by more than 3.5 errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from statistics import NormalDist
from typing import Final

import numpy as np
import polars as pl

from app.core.public import counted
from app.forecasts.ledger.events import EVENT, OTHER
from app.registry.components.scores import ratio_error

FEWEST_SESSIONS: Final = 20
FEWEST_ON_EVENTS: Final = 5
SURE: Final = 3.5
"""Paired errors beyond which a difference decides."""
NOT_WORSE: Final = 2.0
"""Paired errors within which two can't be told apart."""
BLOCK: Final = 2
"""Sessions a bootstrap block: of twenty sessions, the two weeks of a contest would leave two blocks to measure by."""
FRESHER_BY: Final = 63
_REACH: Final = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Difference:
    """By which part the challenger's CRPS lies above the champion's on some rows: the log ratio, with its error.

    `lower` and `upper` bound the ratio less one at 95 %. None where there is nothing to compare.
    """

    sessions: int
    rows: int
    behind: float | None = None
    error: float | None = None
    lower: float | None = None
    upper: float | None = None

    def is_beyond(self, errors: float) -> bool:
        """Say whether the challenger is behind by more than so many errors; ahead, for a negative number of them."""
        if self.behind is None or self.error is None:
            return False
        return self.behind > errors * self.error if errors > 0 else self.behind < errors * self.error


@dataclass(frozen=True)
class Duel:
    """One challenger beside the champion: on all sessions, and on those that trade results and the others apart."""

    challenger: str
    champion: str
    whole: Difference
    ordinary: Difference
    on_events: Difference
    fresher_by: int = 0
    """Sessions that the challenger learnt from after the champion's last one."""

    @property
    def is_decided(self) -> bool:
        """Say whether both forecast long enough."""
        return self.whole.sessions >= FEWEST_SESSIONS and self.whole.behind is not None

    @property
    def is_better(self) -> bool:
        """Say whether the challenger does better, and on event sessions no worse."""
        holds_on_events = self.on_events.sessions < FEWEST_ON_EVENTS or not self.on_events.is_beyond(NOT_WORSE)
        return self.is_decided and self.whole.is_beyond(-SURE) and holds_on_events

    @property
    def is_fresher(self) -> bool:
        """Say whether the challenger learnt a quarter more, and does no worse."""
        return self.is_decided and self.fresher_by >= FRESHER_BY and not self.whole.is_beyond(NOT_WORSE)

    @property
    def is_worse(self) -> bool:
        """Say whether the challenger does worse for sure."""
        return self.is_decided and self.whole.is_beyond(SURE)

    def __str__(self) -> str:
        """Say in one line how they compare."""
        if self.whole.behind is None or self.whole.error is None:
            return f"{counted(self.whole.sessions, 'session')} in common"
        return (
            f"CRPS {100 * self.whole.behind:+.2f} % (error {100 * self.whole.error:.2f}) beside the champion on "
            f"{counted(self.whole.rows, 'row')} of {counted(self.whole.sessions, 'session')} that both forecast"
        )


def duel(rows: pl.DataFrame, champion: str, challenger: str, fresher_by: int = 0) -> Duel:
    """Compare two versions on settled rows (`track_record.settled`), live or in shadow, that both forecast."""
    settled = rows.filter(pl.col("crps").is_not_null(), pl.col("origin") != "replay")
    own, theirs = (
        settled.filter(model_version=version).unique(["symbol", "target_session"], maintain_order=True)
        for version in (challenger, champion)
    )
    both = own.join(theirs.select("symbol", "target_session", champion="crps"), on=["symbol", "target_session"])
    ordinary, on_events = (_difference(both.filter(kind=kind)) for kind in (OTHER, EVENT))
    return Duel(challenger, champion, _difference(both), ordinary, on_events, fresher_by)


def duels(rows: pl.DataFrame, champion: str, challengers: Sequence[tuple[str, int]]) -> list[Duel]:
    """Compare each challenger (version, and how much fresher it is) with the champion."""
    return [duel(rows, champion, version, fresher_by) for version, fresher_by in challengers]


def _difference(both: pl.DataFrame) -> Difference:
    by_session = both.group_by("target_session").agg(pl.col("crps", "champion").sum()).sort("target_session")
    ours, theirs = by_session["crps"].to_numpy(), by_session["champion"].to_numpy()
    if not len(ours) or not (ours.sum() > 0 and theirs.sum() > 0):
        return Difference(by_session.height, both.height)
    error = ratio_error(np.arange(len(ours)), ours, theirs, BLOCK)
    if not np.isfinite(error):
        return Difference(by_session.height, both.height)
    behind = float(np.log(ours.sum() / theirs.sum()))
    low, high = (exp(behind + side * _REACH * error) - 1.0 for side in (-1.0, 1.0))
    return Difference(by_session.height, both.height, behind, error, low, high)
