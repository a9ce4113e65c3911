"""Walking forward: each fold's models are fitted on what was known at its start, and forecast its sessions.

Folds start at every `refit_every`-th session counted from the panel's first, so that dropping later data changes no
fold before it. In a fold the location's trust and the shape are learnt from earlier folds' forecasts only. The model
that is served after the last session is fitted by the same call as the model of any fold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from time import perf_counter

import numpy as np

from app.core.errors import NoHistory
from app.core.progress import Progress, silent
from app.registry.levels import LEVELS
from app.registry.location import DriftLocation, Location, MeanLocation, ZeroLocation
from app.registry.panel import Array, Index, Panel
from app.registry.pipeline import Computed, Pipeline
from app.registry.scale import EwmaScale, HistoryScale, LogLinearScale, Scale
from app.registry.shape import HistoryShape, PooledShape, Shape
from app.training.calibration import FEWEST_SESSIONS, SHAPE_SESSIONS, pooled_shape, shrinkage
from app.training.candidates import ADAPTATION, CANDIDATES, LEARNT_FROM, OF_MARKET, REGRESSORS, SHARED, Candidate
from app.training.dataset import Dataset
from app.training.location_fit import fit_reversal, fit_ridge, fit_trees, neutral_target
from app.training.scale_fit import PENALTY, PENALTY_SHARED, fit_scale

REFIT_EVERY = 63
REGROW_EVERY = 4
"""Locations are refitted at every fourth refit of scale, trust and shape: the faint signal in them moves slowly."""
LEARN_SESSIONS = 252
"""The first fold starts when this many sessions can be learnt from."""

UNCALIBRATED = PooledShape(z=tuple(round(-2.0 + 0.2 * step, 1) for step in range(len(LEVELS))))
"""Stands in where no out-of-fold row is known yet; nothing forecast with it is judged or served."""

_LOOKBACK = max(EwmaScale().lookback, HistoryScale().lookback, ADAPTATION.lookback)

Sink = Callable[["Fold", Candidate, Pipeline, Computed], None]


@dataclass(frozen=True)
class Fold:
    """Sessions start … stop - 1, forecast by models that know what was known at the close of `start`."""

    number: int
    start: int
    stop: int


@dataclass(frozen=True, eq=False)
class Stretch:
    """A fold with the panel that its forecasts read: its own sessions from `since` on, and the lookback before."""

    fold: Fold
    panel: Panel
    rows: Index
    since: date


@dataclass(eq=False)
class Trail:
    """One candidate's out-of-fold rows so far, over the whole panel; NaN where it hasn't forecast."""

    raw: Array
    location: Array
    sigma: Array
    seconds: float = 0.0
    shrinkages: list[float] = field(default_factory=list)


def folds(dataset: Dataset, refit_every: int = REFIT_EVERY) -> list[Fold]:
    """Return the folds of a panel; raises `NoHistory` when it is too short for one that can be judged."""
    days = len(dataset.panel.days)
    learnt = np.unique(dataset.panel.day[dataset.forward])
    if len(learnt) < LEARN_SESSIONS + FEWEST_SESSIONS:
        raise NoHistory(
            f"{len(learnt)} sessions can be learnt from, {LEARN_SESSIONS + FEWEST_SESSIONS} are needed: "
            "fetch or import about three years of bars"
        )
    first = int(learnt[0]) + LEARN_SESSIONS
    starts = [start for start in range(0, days, refit_every) if start >= first]
    return [Fold(number, start, min(start + refit_every, days)) for number, start in enumerate(starts)]


class Walk:
    """The state of one walk: matrices in order of session, and each candidate's out-of-fold rows."""

    def __init__(
        self, dataset: Dataset, candidates: tuple[Candidate, ...] = CANDIDATES, refit_every: int = REFIT_EVERY
    ) -> None:
        self.dataset, self.candidates = dataset, candidates
        self._refit_every = refit_every
        self._locations: dict[str, Location] = {}
        self._wanted: Array | None = None
        self._regressors = dataset.matrix(REGRESSORS)
        self._learnt_from = dataset.matrix(LEARNT_FROM)
        self._of_market = dataset.matrix(OF_MARKET)
        self._returns = dataset.target[dataset.forward]
        self._scale: LogLinearScale | None = None
        self._sigma = np.full(len(dataset.panel), np.nan)
        empty = np.full(len(dataset.panel), np.nan)
        self.trails = {one.name: Trail(empty.copy(), empty.copy(), empty.copy()) for one in candidates}

    def run(self, schedule: list[Fold], sink: Sink, progress: Progress = silent) -> None:
        """Walk through the folds; every calibrated forecast goes to `sink`."""
        for done, fold in enumerate(schedule):
            day = self.dataset.session(fold.start)
            progress(done / len(schedule), f"fold {done + 1} of {len(schedule)}, from {day}")
            panel, rows = self.dataset.between(max(0, fold.start - _LOOKBACK), fold.stop)
            for candidate, pipeline in self.fit(fold.start):
                begun = perf_counter()
                self._forecast(Stretch(fold, panel, rows, day), candidate, pipeline, sink)
                self.trails[candidate.name].seconds += perf_counter() - begun

    def fit(self, start: int) -> Iterator[tuple[Candidate, Pipeline]]:
        """Yield every candidate's pipeline as it can be fitted at the close of session `start`."""
        known = int(self.dataset.known[start])
        served = start == len(self.dataset.panel.days)
        if served or not self._locations or (start // self._refit_every) % REGROW_EVERY == 0:
            self._locations, self._wanted = {}, None
        sessions = len(np.unique(self.dataset.panel.day[self.dataset.forward[:known]]))
        penalties = np.where(SHARED, PENALTY_SHARED * known / sessions, PENALTY)
        scale = fit_scale(REGRESSORS, self._regressors[:known], self._returns[:known], penalties, self._scale)
        self._scale = scale
        self._note_sigma(start, scale)
        for candidate in self.candidates:
            begun = perf_counter()
            if candidate.name not in self._locations:
                self._locations[candidate.name] = self._location(candidate, known)
            location = self._locations[candidate.name]
            yield candidate, self._pipeline(candidate, location, scale, start)
            self.trails[candidate.name].seconds += perf_counter() - begun

    def _note_sigma(self, start: int, scale: LogLinearScale) -> None:
        """Keep sigma for the rows before the first fold, in-sample: what the first location is fitted against."""
        if np.isfinite(self._sigma).any():
            return
        panel, rows = self.dataset.between(0, start)
        self._sigma[rows] = scale.sigma(panel)

    def _location(self, candidate: Candidate, known: int) -> Location:
        if candidate.location == "zero":
            return ZeroLocation()
        if candidate.location == "drift":
            return DriftLocation()
        if candidate.location == "mean":
            return MeanLocation(tuple(self._locations[part] for part in candidate.parts))
        rows = self.dataset.forward[:known]
        if candidate.location == "reversal":
            sessions = len(np.unique(self.dataset.panel.day[rows]))
            return fit_reversal(OF_MARKET, self._of_market[:known], self._returns[:known], self._sigma[rows], sessions)
        if self._wanted is None:
            self._wanted = neutral_target(self._returns[:known], self._sigma[rows], self.dataset.panel.day[rows])
        if candidate.location == "ridge":
            return fit_ridge(LEARNT_FROM, self._learnt_from[:known], self._wanted)
        return fit_trees(candidate.location, LEARNT_FROM, self._learnt_from[:known].astype(np.float32), self._wanted)

    def _pipeline(self, candidate: Candidate, location: Location, fitted: LogLinearScale, start: int) -> Pipeline:
        trail, panel = self.trails[candidate.name], self.dataset.panel
        past = (panel.day < start - 1) & np.isfinite(trail.sigma)
        trust = shrinkage(trail.raw[past], self.dataset.target[past], trail.sigma[past], panel.day[past])
        trail.shrinkages.append(trust)
        scales: dict[str, Scale] = {"history": HistoryScale(), "ewma": EwmaScale(), "loglinear": fitted}
        shape: Shape | None = HistoryShape(recentred=candidate.location == "drift")
        if candidate.shape == "pooled":
            recent = past & (panel.day >= start - SHAPE_SESSIONS)
            if len(np.unique(panel.day[recent])) < FEWEST_SESSIONS:
                shape = None
            else:
                shape = pooled_shape((self.dataset.target - trail.location)[recent] / trail.sigma[recent])
        adaptation = ADAPTATION if candidate.scale == "loglinear" else type(ADAPTATION)()
        return Pipeline(scales[candidate.scale], shape or UNCALIBRATED, location, trust, adaptation)

    def _forecast(self, stretch: Stretch, candidate: Candidate, pipeline: Pipeline, sink: Sink) -> None:
        """Forecast a fold, note what later folds are calibrated by, and hand the forecasts on."""
        trail = self.trails[candidate.name]
        here = pipeline.rows(stretch.panel, stretch.since)
        rows = stretch.rows[here]
        raw = pipeline.raw_location(stretch.panel, stretch.since)
        trail.raw[rows], trail.location[rows] = raw, pipeline.shrinkage * raw if pipeline.shrinkage else 0.0
        trail.sigma[rows] = pipeline.sigma(stretch.panel)[here]
        if candidate.scale == "loglinear":
            self._sigma[rows] = trail.sigma[rows]
        if pipeline.shape is not UNCALIBRATED:
            made = pipeline.compute(stretch.panel, stretch.since)
            sink(stretch.fold, candidate, pipeline, made._replace(rows=stretch.rows[made.rows]))
