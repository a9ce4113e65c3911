"""Who takes part in a contest: each candidate's recipe for location, scale and shape."""

from __future__ import annotations

from dataclasses import dataclass

from app.features.catalogue import FEATURES, LOCATION_REGRESSORS, SCALE_REGRESSORS
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

_GROUP = {feature.name: feature.group for feature in FEATURES}
SHARED = tuple(_GROUP[name] in {"market", "calendar"} for name in REGRESSORS)
"""Which regressors all symbols of a session share: they are penalised by sessions, not by rows."""

ADAPTATION = Adaptation(gain=0.015, decay=0.98)


@dataclass(frozen=True)
class Candidate:
    """A recipe; `location` names a fit, `scale` is `history`, `ewma` or `loglinear`, `shape` `history` or `pooled`."""

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
    Candidate("random_forest", "random_forest"),
    Candidate("xgboost", "xgboost"),
    Candidate(
        "combination",
        "sum",
        parts=(("reversal", 1.0), ("ridge", _THIRD), ("random_forest", _THIRD), ("xgboost", _THIRD)),
    ),
)
"""Simplest first: of two with the same CRPS the simpler wins."""

BASELINES = ("random_walk", "drift", "ewma")
NEEDED: tuple[str, ...] = tuple(dict.fromkeys((*REGRESSORS, *OF_MARKET, *LEARNT_FROM)))
"""The features that a contest computes."""
