"""Drift: whether the features that the champion reads moved further than they usually do.

Each feature's last month is compared with its last two years by the population stability index (PSI) over deciles. One
month of a slowly moving feature always differs from two years, so that a fixed limit (0.1, 0.25) would call every
month: what is told is the PSI beside that of the 24 months before, weighted by what the champion makes of each feature.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import polars as pl

from app.core.clock import DEFAULT_EXCHANGE, Calendar, calendar
from app.features import frame
from app.registry.components.panel import Array, Index
from app.registry.components.scale import CorrectedScale, LinearComponent
from app.registry.versions.model import Model

MONTH: Final = 21
MONTHS: Final = 24
"""Months of 21 sessions that the last one is compared with."""
BINS: Final = 10
MOVED: Final = 1.5
"""The last month's PSI over the largest of the months before, from which on it counts as moved."""


@dataclass(frozen=True)
class FeatureDrift:
    """One feature's last month: PSI, the largest of the months before, and how far its median moved, in IQRs."""

    feature: str
    importance: float
    psi: float
    usual: float
    shift: float


@dataclass(frozen=True)
class Drift:
    """All features together, weighted by importance; the features that add most stand first."""

    psi: float
    usual: float
    features: tuple[FeatureDrift, ...]

    @property
    def has_moved(self) -> bool:
        """Say whether the last month lies outside of what a month usually does."""
        return self.psi > MOVED * self.usual


def importances(model: Model) -> dict[str, float]:
    """Return each feature's share in the champion: standardised weights where it is linear, else equal shares.

    The location counts as far as it is trusted; of a scale that trees correct, the linear part tells.
    """
    shares: dict[str, float] = {}
    trust = {"scale": 1.0, "location": model.pipeline.shrinkage}
    for part, weight in trust.items():
        component = getattr(model.pipeline, part)
        component = component.linear if isinstance(component, CorrectedScale) else component
        sizes = np.ones(len(component.features))
        if isinstance(component, LinearComponent):
            sizes = np.abs(component.weights)
        total = float(sizes.sum())
        for name, size in zip(component.features, sizes, strict=True):
            if name in frame.FEATURE_NAMES and total:
                shares[name] = shares.get(name, 0.0) + weight * float(size) / total
    whole = sum(shares.values())
    return {name: share / whole for name, share in shares.items() if share} if whole else {}


def drift(
    bars: pl.DataFrame,
    exchanges: Mapping[str, str],
    weights: Mapping[str, float],
    events: pl.DataFrame | None = None,
    series: pl.DataFrame | None = None,
) -> Drift | None:
    """Compare the last month of these features with the months before; None where the bars don't reach that far.

    `bars` are those of the symbols that the champion learnt from, with `frame.MAX_WINDOW` sessions more than compared.
    """
    build = partial(frame.build, names=list(weights), events=events, series=series)
    features = _features(bars, exchanges, build) if bars.height else bars
    sessions = features["session"].unique().sort()
    if len(sessions) < MONTH * (MONTHS + 1) or not weights:
        return None
    kept = features.filter(pl.col("session") >= sessions[-MONTH * (MONTHS + 1)])
    month = (kept["session"].rank("dense").to_numpy().astype(int) - 1) // MONTH
    found = [_one(name, share, kept[name].to_numpy(), month) for name, share in weights.items()]
    by_month = np.sum([share * months for (_, months), share in zip(found, weights.values(), strict=True)], axis=0)
    ranked = sorted((one for one, _ in found), key=lambda one: -one.importance * one.psi)
    return Drift(float(by_month[-1]), float(by_month[:-1].max()), tuple(ranked))


def _features(
    bars: pl.DataFrame, exchanges: Mapping[str, str], build: Callable[[pl.DataFrame, Calendar], pl.DataFrame]
) -> pl.DataFrame:
    listed = bars.with_columns(exchange=pl.col("symbol").replace_strict(dict(exchanges), default=DEFAULT_EXCHANGE))
    groups = listed.group_by("exchange", maintain_order=True)
    return pl.concat(
        build(group.drop("exchange"), calendar(str(exchange))).filter("warm") for (exchange,), group in groups
    )


def _one(name: str, share: float, values: Array, month: Array) -> tuple[FeatureDrift, Array]:
    """Return a feature's last month, and the PSI of every month against all of them."""
    known = np.isfinite(values)
    values, month = values[known], month[known]
    if not len(values):  # a series that isn't stored, say
        return FeatureDrift(name, share, 0.0, 0.0, 0.0), np.zeros(MONTHS + 1)
    edges = np.quantile(values, np.linspace(0.0, 1.0, BINS + 1)[1:-1])
    bins = np.searchsorted(edges, values, side="right")
    months = np.array([_psi(bins[month == one], bins) for one in range(MONTHS + 1)])
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    last = values[month == MONTHS]
    shift = float((np.median(last) - middle) / (high - low)) if len(last) and high > low else 0.0
    return FeatureDrift(name, share, float(months[-1]), float(months[:-1].max()), shift), months


def _psi(part: Index, whole: Index) -> float:
    """Return the population stability index of two lists of bins: sum of (p - q) ln(p / q), half a row in each bin."""
    p, q = (
        (counts + 0.5) / (counts + 0.5).sum() for counts in (np.bincount(one, minlength=BINS) for one in (part, whole))
    )
    return float(np.sum((p - q) * np.log(p / q)))
