"""What a forecast is made of: the terms of log sigma, and of the return where one is expected, feature by feature."""

from __future__ import annotations

import numpy as np

from app.registry.components.location import LinearLocation, Location, SumLocation, ZeroLocation
from app.registry.components.panel import Array, Index, Panel
from app.registry.components.scale import CorrectedScale, LogLinearScale
from app.registry.versions.pipeline import Pipeline

LEVEL = "recent_sessions"
"""The online level: how wild the market's last sessions were beside what the linear scale said of them."""
TREES = "trees"
HISTORY = "own_history"
"""All of a scale that has no features: it follows the symbol's own returns."""


def log_sigma_terms(pipeline: Pipeline, panel: Panel, rows: Index) -> dict[str, Array]:
    """Return terms that differ between rows of one symbol by as much as its log sigma does; constants are left out.

    They add up to log sigma up to a constant, wherever its bounds aren't reached.
    """
    base = pipeline.base_scale
    if isinstance(base, LogLinearScale):
        terms = base.terms(panel, rows)
        terms[base.offset] = panel.column(base.offset)[rows] + terms.get(base.offset, 0.0)
    else:
        terms = {HISTORY: np.log(base.sigma(panel)[rows])}
    if pipeline.adaptation.gain:
        terms[LEVEL] = pipeline.level(panel)[panel.day][rows]
    if isinstance(pipeline.scale, CorrectedScale):
        terms[TREES] = pipeline.scale.correction(panel, rows)
    return terms


def return_terms(pipeline: Pipeline, panel: Panel, rows: Index, sigma: Array) -> dict[str, Array]:
    """Return what each feature adds to the log return that is expected at some rows, shrunk as it is served."""
    if not pipeline.shrinkage:
        return {}
    return _scaled(_location_terms(pipeline.location, panel, rows, sigma), pipeline.shrinkage)


def _location_terms(location: Location, panel: Panel, rows: Index, sigma: Array) -> dict[str, Array]:
    if isinstance(location, ZeroLocation):
        return {}
    if isinstance(location, LinearLocation):
        return _scaled(location.terms(panel, rows), sigma if location.unit == "sigma" else 1.0)
    if isinstance(location, SumLocation):
        total: dict[str, Array] = {}
        for part, weight in zip(location.parts, location.weights, strict=True):
            for name, values in _scaled(_location_terms(part, panel, rows, sigma), weight).items():
                total[name] = total.get(name, 0.0) + values
        return total
    return {location.kind: location.predict(panel, sigma, rows)}


def _scaled(terms: dict[str, Array], factor: Array | float) -> dict[str, Array]:
    return {name: factor * values for name, values in terms.items()}
