"""The track record: what the ledger's scores add up to, each figure with its error and its baseline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlmodel import Session


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95 % interval; None where there is too little to say."""

    value: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True)
class Direction:
    """How often the side taken was right, beside `base_rate`: how often always saying "up" would have been."""

    n: int
    hit_rate: Estimate
    base_rate: float | None


@dataclass(frozen=True)
class Coverage:
    """How often the close fell into the interval of a level; `group` is `all`, `calm`, `middle` or `wild`.

    The groups are terciles of the forecasts' own scale.
    """

    level: float
    group: str
    n: int
    share: Estimate


@dataclass(frozen=True)
class TrackRecord:
    """The score of one choice of forecasts: `live` and `replay` count how many of each are in it.

    `mae` is in parts of the last close. `mae_ratio` and `crps_skill` compare with the random walk on the same rows;
    their intervals come from a moving-block bootstrap over sessions, for stocks of one day aren't independent.
    """

    symbol: str | None
    model: str | None
    days: int | None
    n: int
    live: int
    replay: int
    pending: int
    first_target: date | None
    last_target: date | None
    mae: float | None
    mae_ratio: Estimate
    crps_skill: Estimate
    direction: Direction
    coverage: tuple[Coverage, ...]


def track_record(
    db: Session, symbol: str | None = None, model: str | None = None, days: int | None = None
) -> TrackRecord:
    """Sum the scores up; `model` is a name or a version, `days` keeps the last so many calendar days of targets."""
    raise NotImplementedError
