"""Who takes part in a contest: each candidate's recipe for location, scale and shape."""

from __future__ import annotations

from dataclasses import dataclass

from app.features.catalogue import EARNINGS_REGRESSORS, FEATURES, LOCATION_REGRESSORS, SCALE_REGRESSORS
from app.registry.components.adaptation import Adaptation

REGRESSORS: tuple[str, ...] = tuple(SCALE_REGRESSORS)
OF_MARKET: tuple[str, ...] = tuple(LOCATION_REGRESSORS)
LEARNT_FROM: tuple[str, ...] = (
    *(f"rank_{name}" for name in ("ret_1", "ret_5", "ret_22", "year", "range", "volume")),
    *("excess", "excess_5", "excess_22"),
    *(f"residual_momentum_{window}" for window in (1, 5, 22, 66, 250)),
    *("volume_1", "volume_5", "volume_22", "obv_22", "close_in_range", "body"),
    *("range_slope", "drawdown_250", "event_recent", "event_due", "beta_shrunk"),
)
"""What a candidate may rank the symbols of a session by. Most are free of the market's own move: a forecast that
carried it would bet on the market with a rule that was learnt between symbols."""

SCALE_LEARNT_FROM: tuple[str, ...] = (
    *LEARNT_FROM,
    *(f"range_{window}_by_year" for window in (1, 5, 22, 66)),
    *EARNINGS_REGRESSORS,
    *("earnings_until", "earnings_since"),
    *(f"quiet_{window}" for window in (5, 22, 66, 250)),
)
"""What trees may correct a scale by: nothing that all symbols of a session share, of which there are too few to learn
anything but the past by heart. (With those among them, half a correction cost 0.04 to 0.1 points of skill.) The
symbol itself stands after them, as the level that is known of it (`fitting.levels`), and after those of a location."""

_SHARED = {feature.name for feature in FEATURES if feature.shared}
SHARED = tuple(name in _SHARED for name in REGRESSORS)
"""Which regressors all symbols of a session share: they are penalised by sessions, not by rows."""
OF_EVENTS = tuple(name in EARNINGS_REGRESSORS for name in REGRESSORS)
"""Which regressors are 0 but on the targets of earnings days: taken as they are, and penalised by such days."""

ADAPTATION = Adaptation(gain=0.015, decay=0.98, skips_events=True)


CORRECTED: dict[str, tuple[str, ...]] = {
    "random_forest": ("random_forest",),
    "xgboost": ("xgboost",),
    "combination": ("random_forest", "xgboost"),
}
"""By scale: the trees that correct the log-linear one."""


@dataclass(frozen=True)
class Candidate:
    """A recipe: how each part is fitted.

    `location` and `scale` each name a fit. Scales are `history`, `ewma`, `loglinear`, the last one corrected by
    `random_forest`, `xgboost` or both (`combination`, the geometric mean); shapes `history` or `pooled`.
    """

    name: str
    location: str
    scale: str = "loglinear"
    shape: str = "pooled"
    parts: tuple[tuple[str, float], ...] = ()
    """For a combination: the candidates whose locations it adds up, each times its share and its own trust."""


_THIRD = 1.0 / 3.0
CANDIDATES: tuple[Candidate, ...] = (
    Candidate("random_walk", "zero", "history", "history"),
    Candidate("drift", "drift", "history", "history"),
    Candidate("ewma", "zero", "ewma"),
    Candidate("volatility", "zero"),
    Candidate("reversal", "reversal"),
    Candidate("ridge", "ridge"),
    Candidate("random_forest", "random_forest", "random_forest"),
    Candidate("xgboost", "xgboost", "xgboost"),
    Candidate(
        "combination",
        "sum",
        "combination",
        parts=(("reversal", 1.0), ("ridge", _THIRD), ("random_forest", _THIRD), ("xgboost", _THIRD)),
    ),
)
"""Simplest first: of two with the same CRPS the simpler wins."""

BASELINES = ("random_walk", "drift", "ewma")
NEEDED: tuple[str, ...] = tuple(dict.fromkeys((*REGRESSORS, *OF_MARKET, *SCALE_LEARNT_FROM)))
"""The features that a contest computes."""
