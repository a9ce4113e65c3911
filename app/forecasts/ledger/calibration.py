"""Calibration: whether closes fell where their forecasts said, and whether that has held over time.

All of it follows from settled forecasts (`track_record.settled`), of one origin at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

BINS: Final = 20
PROMISED: Final = tuple(round(level / 20, 2) for level in range(1, 20))
"""Levels of central intervals whose coverage is given: 5 % to 95 %."""
WINDOW: Final = 63
"""Sessions, about a quarter, over which coverage is averaged."""


@dataclass(frozen=True)
class Held:
    """How many closes fell into the central interval of a promised level."""

    promised: float
    held: float


@dataclass(frozen=True)
class OverTime:
    """One session: coverage over the last quarter, and what the forecasts have saved against the random walk so far.

    `crps_saved` and `error_saved` are sums over sessions of the mean over symbols, in basis points of the last close.
    """

    session: date
    coverage_50: float | None
    coverage_80: float | None
    coverage_95: float | None
    crps_saved: float
    error_saved: float


@dataclass(frozen=True)
class Group:
    """The same figures for each symbol or each model version, ratios of sums as in the record."""

    name: str
    n: int
    crps_skill: float | None
    mae_ratio: float | None
    coverage_80: float
    coverage_95: float


@dataclass(frozen=True)
class Calibration:
    """`pit` is the share of closes in each twentieth of their forecast distribution: 0.05 each where it is right."""

    n: int
    pit: tuple[float, ...]
    reliability: tuple[Held, ...]
    over_time: tuple[OverTime, ...]
    by_symbol: tuple[Group, ...]
    by_model: tuple[Group, ...]


def calibration(rows: pl.DataFrame) -> Calibration:
    """Look at the rows that are scored."""
    scored = rows.filter(pl.col("crps").is_not_null()).sort("target_session", "symbol")
    return Calibration(
        n=scored.height,
        pit=_pit(scored["pit"]),
        reliability=_reliability(scored["pit"]),
        over_time=_over_time(scored),
        by_symbol=_groups(scored, "symbol"),
        by_model=_groups(scored, "model_version"),
    )


def _pit(pit: pl.Series) -> tuple[float, ...]:
    if pit.is_empty():
        return ()
    bins = (pit * BINS).floor().clip(0, BINS - 1).cast(pl.Int64)
    counts = dict(bins.value_counts().iter_rows())
    return tuple(counts.get(place, 0) / len(pit) for place in range(BINS))


def _reliability(pit: pl.Series) -> tuple[Held, ...]:
    """Count closes whose place is within half of a level from the middle: those in its central interval."""
    if pit.is_empty():
        return ()
    reach = (pit - 0.5).abs() * 2
    return tuple(Held(level, float((reach <= level + 1e-9).sum()) / len(pit)) for level in PROMISED)


def _over_time(scored: pl.DataFrame) -> tuple[OverTime, ...]:
    hits = [f"hit_{level}" for level in (50, 80, 95)]
    saved = {"crps_saved": ("crps_random_walk", "crps"), "error_saved": ("abs_error_random_walk", "abs_error")}
    sessions = (
        scored.group_by("target_session", maintain_order=True)
        .agg(
            pl.len().alias("n"),
            *(pl.col(hit).sum() for hit in hits),
            *((1e4 * (pl.col(base) - pl.col(own))).mean().alias(name) for name, (base, own) in saved.items()),
        )
        .with_columns(
            *(pl.col(hit).rolling_sum(WINDOW) / pl.col("n").rolling_sum(WINDOW) for hit in hits),
            *(pl.col(name).cum_sum() for name in saved),
        )
    )
    return tuple(OverTime(*row) for row in sessions.select("target_session", *hits, *saved).iter_rows())


def _groups(scored: pl.DataFrame, by: str) -> tuple[Group, ...]:
    """Return one line per group, the largest skill first."""

    def ratio(own: str, base: str) -> pl.Expr:
        below = pl.col(base).sum()
        return pl.when(below > 0).then(pl.col(own).sum() / below)

    lines = scored.group_by(by).agg(
        n=pl.len(),
        crps_skill=1 - ratio("crps", "crps_random_walk"),
        mae_ratio=ratio("abs_error", "abs_error_random_walk"),
        coverage_80=pl.col("hit_80").mean(),
        coverage_95=pl.col("hit_95").mean(),
    )
    return tuple(
        Group(*row) for row in lines.sort("crps_skill", by, descending=[True, False], nulls_last=True).iter_rows()
    )
