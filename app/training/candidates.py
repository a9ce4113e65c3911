"""Who takes part in a contest: each candidate's recipe for location, scale and shape."""

from __future__ import annotations

from dataclasses import dataclass

from app.features.frame import FEATURES, LOCATION_REGRESSORS, SCALE_REGRESSORS
from app.registry.adaptation import Adaptation
from app.registry.history import WINDOW

REGRESSORS: tuple[str, ...] = tuple(SCALE_REGRESSORS)
OF_MARKET: tuple[str, ...] = tuple(LOCATION_REGRESSORS)
LEARNT_FROM: tuple[str, ...] = tuple(
    feature.name for feature in FEATURES if feature.group not in {"market", "calendar"} or feature.name == "excess"
)
"""What a location may read: features that differ between the symbols of a session."""

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
    parts: tuple[str, ...] = ()
    """For a combination: the candidates whose locations it averages."""


CANDIDATES: tuple[Candidate, ...] = (
    Candidate("random_walk", "zero", "history", "history"),
    Candidate("drift", "drift", "history", "history"),
    Candidate("ewma", "zero", "ewma"),
    Candidate("volatility", "zero"),
    Candidate("reversal", "reversal"),
    Candidate("ridge", "ridge"),
    Candidate("random_forest", "random_forest"),
    Candidate("xgboost", "xgboost"),
    Candidate("combination", "mean", parts=("ridge", "random_forest", "xgboost")),
)
"""Simplest first: of two with the same CRPS the simpler wins."""

BASELINES = ("random_walk", "drift", "ewma")
LONGEST_HISTORY = WINDOW
