"""Outcomes: do live forecasts hold what they promise? One figure a session, watched by the detector.

Sessions on which results are first traded stand apart where they are known: a band is honestly wider or missed there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import polars as pl

from app.forecasts.ledger.events import EVENT, OTHER, Kind
from app.monitoring.detector import detect


@dataclass(frozen=True)
class Claim:
    """What is claimed of a group of sessions, and at most how often a year it is called broken while it holds.

    `kind` is `event` for sessions in which results are first traded, else `other`. `allowed` is the largest
    (`is_most`) or smallest mean of `column` over a session's symbols that the claim covers. A session's figure is
    never below `lowest` nor above 1. `excess` is its CRPS over the random walk's, less one.
    """

    name: str
    column: str
    kind: Kind
    allowed: float
    is_most: bool
    false_alarms: float
    lowest: float = 0.0


_MOST, _LEAST = {"is_most": True}, {"is_most": False}
CLAIMS: Final = (
    Claim("95 % band too narrow", "hit_95", OTHER, 0.945, **_LEAST, false_alarms=0.07),
    Claim("80 % band too narrow", "hit_80", OTHER, 0.77, **_LEAST, false_alarms=0.01),
    Claim("80 % band too wide", "hit_80", OTHER, 0.88, **_MOST, false_alarms=0.005),
    Claim("95 % band too narrow when results come", "hit_95", EVENT, 0.85, **_LEAST, false_alarms=0.005),
    Claim("worse than the random walk", "excess", OTHER, 0.02, **_MOST, false_alarms=0.01, lowest=-0.5),
)
"""The outer band tells a change of regime first, and gets most of the rate; the others tolerate more."""
FALSE_ALARMS: Final = sum(claim.false_alarms for claim in CLAIMS)
"""The stated rate of all claims together: at most this probability of any false alarm in a year of 252 sessions."""


@dataclass(frozen=True)
class Watch:
    """How a claim stands: the mean of its last 21 sessions, the detector's value (1 is an alarm), and past alarms."""

    name: str
    kind: Kind
    sessions: int
    allowed: float
    recent: float | None
    value: float
    false_alarms: float
    alarms: tuple[date, ...]


def watch(rows: pl.DataFrame) -> tuple[Watch, ...]:
    """Watch every claim over settled forecasts, as `track_record.settled` returns them."""
    hits = [pl.col(name).cast(pl.Float64).mean() for name in ("hit_80", "hit_95")]
    excess = (pl.col("crps").sum() / pl.col("crps_random_walk").sum() - 1.0).fill_nan(0.0).clip(-0.5, 0.5)
    sessions = (
        rows.filter(pl.col("crps").is_not_null())
        .group_by("kind", "target_session")
        .agg(*hits, excess=excess)
        .sort("target_session")
    )
    return tuple(_watch(claim, sessions.filter(kind=claim.kind)) for claim in CLAIMS)


def _watch(claim: Claim, sessions: pl.DataFrame) -> Watch:
    series, sign = sessions[claim.column].to_numpy(), 1.0 if claim.is_most else -1.0
    lowest = claim.lowest if claim.is_most else -1.0
    found = detect(sign * series, sign * claim.allowed, lowest, claim.false_alarms)
    return Watch(
        name=claim.name,
        kind=claim.kind,
        sessions=len(series),
        allowed=claim.allowed,
        recent=float(np.mean(series[-21:])) if len(series) else None,
        value=float(found.value[-1]) if len(series) else 0.0,
        false_alarms=claim.false_alarms,
        alarms=tuple(sessions["target_session"][at] for at in found.alarms),
    )
