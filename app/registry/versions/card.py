"""What a served model says of itself: where it comes from, what it is made of, how it did out of sample."""

from __future__ import annotations

import json
from datetime import date, datetime
from math import isfinite
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, field_validator

NO_POINT_SKILL: Final = "no point skill shown"
"""What a verdict says where the error of the point isn't shown to be below the random walk's."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Score(_Frozen):
    """Out-of-sample figures of one set of rows; intervals are 95 % and resample whole sessions in blocks.

    `mae_ratio` and `rmse_ratio` compare closes with the last close; `crps` is in return units, and its skill is
    against `random_walk` on the same rows. `hit` is how often the side that the probability of a rise favours was
    right, `base_rate` how often "up" would have been on those rows, `brier` that probability's squared error. `ic` and
    `rank_ic` are means over sessions of the correlation between symbols (Pearson's, Spearman's), `icir` and
    `rank_icir` those means over their standard deviation. `kupiec_*` and `christoffersen_*` are the shares of symbols
    whose intervals the test of coverage, or of independence over time, rejects at 5 %: chance alone gives about 0.05.
    `None` means that the figure isn't defined on these rows: they are too few, or nothing moved in them.
    """

    n: int
    sessions: int
    mae_ratio: float | None = None
    mae_ratio_low: float | None = None
    mae_ratio_high: float | None = None
    rmse_ratio: float | None = None
    r2_oos: float | None = None
    hit: float | None = None
    hit_low: float | None = None
    hit_high: float | None = None
    base_rate: float | None = None
    brier: float | None = None
    ic: float | None = None
    icir: float | None = None
    rank_ic: float | None = None
    rank_icir: float | None = None
    crps: float | None = None
    crps_skill: float | None = None
    crps_skill_low: float | None = None
    crps_skill_high: float | None = None
    coverage_50: float | None = None
    coverage_80: float | None = None
    coverage_95: float | None = None
    width_80: float | None = None
    kupiec_50: float | None = None
    kupiec_80: float | None = None
    kupiec_95: float | None = None
    christoffersen_50: float | None = None
    christoffersen_80: float | None = None
    christoffersen_95: float | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _known(cls, value: Any) -> Any:
        """Take a ratio to nothing for what it is: one symbol whose close stood still mustn't spoil the card."""
        return None if isinstance(value, float) and not isfinite(value) else value


SAME_LOSS: Final = 1e-4
"""Part of the random walk's loss in a week by which it may differ between two readings of the same bars."""


class WeekLoss(_Frozen):
    """One week's mean CRPS out of fold, beside the random walk's on the same rows."""

    n: int
    crps: float
    crps_random_walk: float

    def is_of_same_rows(self, other: WeekLoss) -> bool:
        """Say whether two losses speak of the same rows: as many, and alike to the random walk, which isn't fitted."""
        return self.n == other.n and (
            abs(other.crps_random_walk - self.crps_random_walk) <= SAME_LOSS * self.crps_random_walk
        )


class Metrics(_Frozen):
    """One candidate's scores, whole and by part; terciles are of the forecast's own scale, low first.

    Kinds are `event`, sessions that were likely the first to trade a company's results, and `other`.
    """

    overall: Score
    by_year: dict[str, Score] = {}
    by_fold: dict[str, Score] = {}
    by_tercile: dict[str, Score] = {}
    by_kind: dict[str, Score] = {}
    by_symbol: dict[str, Score] = {}
    by_week: dict[str, WeekLoss] = {}
    """By the Monday of the forecast's session: what a later contest compares its winner with on the same rows."""
    pit: tuple[float, ...] = ()
    """Share of outcomes in each of 20 equally likely bins, lowest first; 0.05 each when calibrated."""


class LocationCard(_Frozen):
    """The return forecast: its kind, what it reads, its coefficients, and how far it is trusted.

    A linear one has a coefficient a feature. A sum of other candidates' has one a candidate, its share times the trust
    in it, and its `shrinkage` is the mean trust, each candidate counted by its share.
    """

    kind: str
    features: tuple[str, ...] = ()
    shrinkage: float = 0.0
    coefficients: dict[str, float] = {}
    chosen: dict[str, float] = {}
    """Settings that were searched for inside the training window, and what was chosen."""
    tree_levels: dict[str, float] = {}
    """What trees read of single symbols."""


class ScaleCard(_Frozen):
    """The volatility forecast: log scale is linear (`loglinear`), corrected by trees (`corrected`), or a plain rule."""

    kind: str
    coefficients: dict[str, float] = {}
    degrees_of_freedom: float | None = None
    levels: dict[str, float] = {}
    """What single symbols add to the log scale."""
    corrections: dict[str, float] = {}
    """Trees by name, and the share of each that is added to the log scale."""
    tree_levels: dict[str, float] = {}
    """What those trees read of single symbols."""


class ShapeCard(_Frozen):
    """Quantiles of the standardised out-of-fold residuals at `LEVELS`; `by_event` has its own for event sessions."""

    kind: str
    z: tuple[float, ...] = ()
    rows: int = 0
    event_z: tuple[float, ...] = ()
    event_rows: int = 0


class ModelCard(_Frozen):
    """The card of one version; it lies beside the model's files and in MLflow."""

    version: str
    name: str
    created_at: datetime
    trained_from: date
    trained_through: date
    symbols: tuple[str, ...]
    features: tuple[str, ...]
    """Every column of the feature frame that the model reads, in order."""
    lookback: int
    """How many earlier sessions of the feature frame a forecast reads besides its own."""
    feature_fingerprint: str
    dataset_fingerprint: str
    location: LocationCard
    scale: ScaleCard
    shape: ShapeCard
    metrics: Metrics
    verdict: str
    tries: int
    """Configurations tried: those of the contest, and those looked at while its candidates were designed."""
    rows: int = 0
    refit_every: int = 63
    files: dict[str, str] = {}
    """File name → sha256 of the files that make the forecast; the card itself isn't among them."""
    libraries: dict[str, str] = {}

    def to_json(self, exclude: set[str] | None = None) -> str:
        """Return the card as JSON text with sorted keys, numbers to the last digit."""
        values = self.model_dump(mode="json", exclude=exclude)
        return json.dumps(values, indent=1, sort_keys=True, allow_nan=False) + "\n"
