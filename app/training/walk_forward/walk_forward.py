"""Walking forward: each fold's models are fitted on what was known at its start, and forecast its sessions.

In a fold the location's trust and the shape are learnt from earlier folds' forecasts only. The model that is served
after the last session is fitted by the same calls as that of any fold: it is the model of the schedule's last, empty
fold.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import date
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from app.core.progress import Progress, silent
from app.registry.components.adaptation import Adaptation
from app.registry.components.levels import LEVELS
from app.registry.components.location import Location, SumLocation
from app.registry.components.panel import Array, Index
from app.registry.components.scale import EwmaScale, HistoryScale, Scale
from app.registry.components.shape import HistoryShape, PooledShape, Shape
from app.registry.versions.pipeline import Computed, Pipeline
from app.training.data.candidates import ADAPTATION, CANDIDATES, Candidate
from app.training.data.dataset import Dataset, Part
from app.training.data.folds import FEWEST_SESSIONS, REFIT_EVERY, Fold
from app.training.data.threads import one_thread
from app.training.fitting.calibration import SHAPE_SESSIONS, pooled_shape, shrinkage
from app.training.fitting.fits import FoldFits

UNCALIBRATED = PooledShape(z=tuple(round(-2.0 + 0.2 * step, 1) for step in range(len(LEVELS))))
"""Stands in where no out-of-fold row is known yet; nothing forecast with it is judged or served."""

_LOOKBACK = max(EwmaScale().lookback, HistoryScale().lookback, ADAPTATION.lookback)


@dataclass(frozen=True, eq=False)
class FoldForecast:
    """One candidate's forecasts of one fold: `computed.rows` stand in the dataset, `raw` is before it was shrunk."""

    fold: Fold
    candidate: Candidate
    pipeline: Pipeline
    computed: Computed
    raw: Array

    @property
    def calibrated(self) -> bool:
        """Whether the forecast has a shape: nothing else is judged or served."""
        return self.pipeline.shape is not UNCALIBRATED


Sink = Callable[[FoldForecast], None]


@dataclass(eq=False)
class OutOfFold:
    """One candidate's out-of-fold rows so far, over the whole panel; NaN where it hasn't forecast."""

    raw: Array
    location: Array
    sigma: Array
    seconds: float = 0.0
    shrinkages: list[float] = field(default_factory=list)
    chosen: list[dict[str, float]] = field(default_factory=list)
    """Fold by fold what a search chose: settings by name, a combination's with the part's name before it."""

    @classmethod
    def empty(cls, size: int) -> OutOfFold:
        """Return a trail without rows."""
        return cls(np.full(size, np.nan), np.full(size, np.nan), np.full(size, np.nan))

    def note(self, rows: Index, raw: Array, location: Array, sigma: Array) -> None:
        """Take in a fold's rows."""
        self.raw[rows], self.location[rows], self.sigma[rows] = raw, location, sigma


class WalkForward:
    """The state of one walk: what is fitted, and each candidate's out-of-fold rows."""

    def __init__(
        self,
        dataset: Dataset,
        schedule: list[Fold],
        candidates: tuple[Candidate, ...] = CANDIDATES,
        refit_every: int = REFIT_EVERY,
    ) -> None:
        self.dataset, self.schedule, self.candidates = dataset, schedule, candidates
        self.fitted: dict[str, Pipeline] = {}
        self.out_of_fold = {one.name: OutOfFold.empty(len(dataset.panel)) for one in candidates}
        self._fits = FoldFits(dataset, candidates, schedule, refit_every)

    def run(
        self,
        sink: Sink,
        progress: Progress = silent,
        executor: Executor | None = None,
        done: Collection[int] = (),
    ) -> None:
        """Walk through the folds; every forecast goes to `sink`, and the last models stay in `fitted`.

        `done` are starts of folds whose rows were noted before; `executor` grows trees in other processes.
        """
        progress(0.0, "fitting volatility")
        with one_thread():
            self._fits.measure()
            self._run(sink, progress, executor, done)

    def _run(self, sink: Sink, progress: Progress, executor: Executor | None, done: Collection[int]) -> None:
        left = [fold for fold in self.schedule if fold.start not in done]
        if executor is not None:
            self._fits.sow(left, executor)
        for number, fold in enumerate(left):
            day = self.dataset.session(min(fold.start, len(self.dataset.panel.days) - 1))
            progress((number + 1) / (len(left) + 1), f"fold {fold.number + 1} of {len(self.schedule)}, from {day}")
            parts = self.dataset.between(fold.start, fold.stop, _LOOKBACK)
            for candidate in self.candidates:
                begun = perf_counter()
                self.fitted[candidate.name] = pipeline = self._pipeline(candidate, fold)
                if fold.stop > fold.start:
                    sink(self._forecast(fold, candidate, pipeline, parts, day))
                self.out_of_fold[candidate.name].seconds += perf_counter() - begun

    def _pipeline(self, candidate: Candidate, fold: Fold) -> Pipeline:
        """Put a candidate's parts together as they were known at the fold's start."""
        trail, panel = self.out_of_fold[candidate.name], self.dataset.panel
        location = self._location(candidate, fold)
        past = (panel.day < self.dataset.settled[fold.start]) & np.isfinite(trail.sigma)
        trust = 1.0  # a combination's parts are shrunk one by one
        if not candidate.parts:
            trust = shrinkage(trail.raw[past], self.dataset.target[past], trail.sigma[past], panel.day[past])
        trail.shrinkages.append(trust)
        trail.chosen.append(self._chosen(candidate, fold))
        scales: dict[str, Scale] = {"history": HistoryScale(), "ewma": EwmaScale()}
        scale = scales.get(candidate.scale, self._fits.scales[fold.start])
        adaptation = ADAPTATION if candidate.scale == "loglinear" else Adaptation()
        return Pipeline(scale, self._shape(candidate, fold, past), location, trust, adaptation)

    def _location(self, candidate: Candidate, fold: Fold) -> Location:
        """Return the fitted location; a combination adds up its parts, each as far as it is trusted itself."""
        if not candidate.parts:
            return self._fits.location(candidate, fold)
        by_name = {one.name: one for one in self.candidates}
        parts = tuple(self._fits.location(by_name[name], fold) for name, _ in candidate.parts)
        trusts = tuple(share * self.out_of_fold[name].shrinkages[-1] for name, share in candidate.parts)
        return SumLocation(parts, trusts)

    def _chosen(self, candidate: Candidate, fold: Fold) -> dict[str, float]:
        own = self._fits.chosen(candidate, fold)
        parts = {
            f"{name}_{key}": value
            for name, _ in candidate.parts
            for key, value in self.out_of_fold[name].chosen[-1].items()
        }
        return {**own, **parts}

    def _shape(self, candidate: Candidate, fold: Fold, past: NDArray[np.bool_]) -> Shape:
        if candidate.shape == "history":
            return HistoryShape(recentred=candidate.location == "drift")
        trail, panel = self.out_of_fold[candidate.name], self.dataset.panel
        recent = past & (panel.day >= fold.start - SHAPE_SESSIONS) & self.dataset.traded
        if len(np.unique(panel.day[recent])) < FEWEST_SESSIONS:
            return UNCALIBRATED
        residuals = (self.dataset.target[recent] - trail.location[recent]) / trail.sigma[recent]
        return pooled_shape(residuals) or UNCALIBRATED

    def _forecast(
        self, fold: Fold, candidate: Candidate, pipeline: Pipeline, parts: list[Part], since: date
    ) -> FoldForecast:
        """Forecast a fold, and note what later folds are calibrated by."""
        made = self.dataset.compute(pipeline, parts, since)
        raw = np.full(len(self.dataset.panel), np.nan)
        for part in parts:
            raw[part.rows[pipeline.rows(part.panel, since)]] = pipeline.raw_location(part.panel, since)
        self.out_of_fold[candidate.name].note(made.rows, raw[made.rows], made.location, made.sigma)
        return FoldForecast(fold, candidate, pipeline, made, raw[made.rows])
