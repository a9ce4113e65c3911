"""Walking forward: each fold's models are fitted on what was known at its start, and forecast its sessions.

In a fold the location's trust and the shape are learnt from earlier folds' forecasts only. The model that is served
after the last session is fitted by the same calls as that of any fold: it is the model of the schedule's last, empty
fold.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from app.core import public
from app.core.progress import Progress, silent
from app.registry.components.adaptation import Adaptation
from app.registry.components.event import EVENT, is_event
from app.registry.components.levels import LEVELS
from app.registry.components.location import SumLocation
from app.registry.components.panel import Array, count_distinct
from app.registry.components.scale import EwmaScale, HistoryScale
from app.registry.components.shape import HistoryShape, PooledShape, Shape
from app.registry.versions.pipeline import Computed, Pipeline
from app.training.data.candidates import ADAPTATION, CANDIDATES, Candidate
from app.training.data.dataset import Dataset, Part
from app.training.data.folds import FEWEST_SESSIONS, REFIT_EVERY, Fold
from app.training.fitting.calibration import SHAPE_SESSIONS, pooled_shape, shape_by_event, shrinkage
from app.training.fitting.fits import FoldFits
from app.training.fitting.location import FittedLocation
from app.training.workers.pool import InTurn, Pool

UNCALIBRATED = PooledShape(z=tuple(round(-2.0 + 0.2 * step, 1) for step in range(len(LEVELS))))
"""Stands in where no out-of-fold row is known yet; nothing forecast with it is judged or served."""

_LOOKBACK = max(EwmaScale().lookback, HistoryScale().lookback, ADAPTATION.lookback)


@dataclass(frozen=True, eq=False)
class FoldForecast:
    """One candidate's forecasts of one fold: `computed.rows` stand in the dataset, `raw` is before it was shrunk.

    Without a shape they aren't calibrated: nothing of them is judged or served. `pipeline` is None where they were read
    back from disk.
    """

    fold: Fold
    name: str
    calibrated: bool
    computed: Computed
    raw: Array
    pipeline: Pipeline | None = None


Sink = Callable[[FoldForecast], None]


@dataclass(eq=False)
class OutOfFold:
    """One candidate's out-of-fold rows so far, over the whole panel; NaN where it hasn't forecast."""

    raw: Array
    location: Array
    sigma: Array
    seconds: float = 0.0
    shrinkages: list[float] = field(default_factory=list)
    chosen: list[Mapping[str, float]] = field(default_factory=list)
    """Fold by fold what a search chose: settings by name, a combination's with the part's name before it."""


class WalkForward:
    """The state of one walk: the newest fitted pipelines, and each candidate's out-of-fold rows."""

    def __init__(
        self,
        dataset: Dataset,
        schedule: list[Fold],
        candidates: tuple[Candidate, ...] = CANDIDATES,
        refit_every: int = REFIT_EVERY,
    ) -> None:
        self.dataset, self.schedule, self.candidates = dataset, schedule, candidates
        self.fitted: dict[str, Pipeline] = {}
        unknown = np.full((len(candidates), 3, len(dataset.panel)), np.nan)
        self.out_of_fold = {one.name: OutOfFold(*arrays) for one, arrays in zip(candidates, unknown, strict=True)}
        self._refit_every = refit_every
        self._fits = FoldFits(dataset, candidates, schedule, refit_every)

    def run(
        self, sink: Sink, progress: Progress = silent, done: Collection[int] = (), pool: Pool | None = None
    ) -> None:
        """Walk through the folds; every forecast goes to `sink`, and the last models stay in `fitted`.

        `done` are starts of folds that were taken in before. With a `pool`, trees grow there meanwhile. BLAS has one
        thread always, so that a fit's bits don't depend on the machine's number of cores.
        """
        from threadpoolctl import threadpool_limits

        pool = pool or InTurn()
        progress(0.0, "fitting volatility")
        left = [fold for fold in self.schedule if fold.start not in done]
        with threadpool_limits(limits=1, user_api="blas"):
            self._fits.fit_scales()
            self._fits.start_trees(left, pool)
            for number, fold in enumerate(left):
                day = self.dataset.session(min(fold.start, len(self.dataset.panel.days) - 1))
                at = f"fold {fold.number + 1} of {len(self.schedule)}: forecasts tested from {public.day(day)} on"
                progress((number + 1) / (len(left) + 1), at + pool.where)
                self._run_fold(fold, day, sink)

    def take(self, forecast: FoldForecast) -> None:
        """Take in a fold's rows: later folds are calibrated by them."""
        own, computed = self.out_of_fold[forecast.name], forecast.computed
        own.raw[computed.rows] = forecast.raw
        own.location[computed.rows], own.sigma[computed.rows] = computed.location, computed.sigma

    def _run_fold(self, fold: Fold, since: date, sink: Sink) -> None:
        parts = self.dataset.between(fold.start, fold.stop, _LOOKBACK)
        for candidate in self.candidates:
            begun = perf_counter()
            self.fitted[candidate.name] = pipeline = self._fit(candidate, fold)
            if fold.stop > fold.start:
                forecast = self._forecast(fold, candidate.name, pipeline, parts, since)
                self.take(forecast)
                sink(forecast)
            self.out_of_fold[candidate.name].seconds += perf_counter() - begun

    def _fit(self, candidate: Candidate, fold: Fold) -> Pipeline:
        """Put a candidate's parts together as they were known at the fold's start."""
        own = self.out_of_fold[candidate.name]
        past = (self.dataset.panel.day < self.dataset.settled[fold.start]) & np.isfinite(own.sigma)
        fitted, trust = self._location(candidate, fold, past)
        own.shrinkages.append(trust)
        own.chosen.append(fitted.chosen)
        scale = self._fits.scale(candidate.scale, fold)
        adaptation = Adaptation() if isinstance(scale, HistoryScale | EwmaScale) else ADAPTATION
        return Pipeline(scale, self._shape(candidate, fold, past), fitted.location, trust, adaptation)

    def _location(self, candidate: Candidate, fold: Fold, past: NDArray[np.bool_]) -> tuple[FittedLocation, float]:
        """Return the fitted location and the trust in it; a combination adds up parts that are trusted one by one."""
        if not candidate.parts:
            own, day = self.out_of_fold[candidate.name], self.dataset.panel.day
            trust = shrinkage(own.raw[past], self.dataset.target[past], own.sigma[past], day[past], self._refit_every)
            return self._fits.location(candidate, fold), trust
        names = [name for name, _ in candidate.parts]
        parts = {one.name: self._fits.location(one, fold) for one in self.candidates if one.name in names}
        weights = tuple(share * self.out_of_fold[name].shrinkages[-1] for name, share in candidate.parts)
        chosen = {f"{name}_{key}": value for name in names for key, value in parts[name].chosen.items()}
        return FittedLocation(SumLocation(tuple(parts[name].location for name in names), weights), chosen), 1.0

    def _shape(self, candidate: Candidate, fold: Fold, past: NDArray[np.bool_]) -> Shape:
        if candidate.shape == "history":
            return HistoryShape(recentred=candidate.location == "drift")
        own, panel = self.out_of_fold[candidate.name], self.dataset.panel
        traded = past & self.dataset.traded
        recent = traded & (panel.day >= fold.start - SHAPE_SESSIONS)
        if count_distinct(panel.day[recent]) < FEWEST_SESSIONS:
            return UNCALIBRATED
        residuals = np.where(traded, (self.dataset.target - own.location) / own.sigma, np.nan)
        if candidate.scale == "ewma":
            return pooled_shape(residuals[recent]) or UNCALIBRATED
        return shape_by_event(residuals, is_event(panel.column(EVENT)), recent) or UNCALIBRATED

    def _forecast(self, fold: Fold, name: str, pipeline: Pipeline, parts: list[Part], since: date) -> FoldForecast:
        computed = self.dataset.compute(pipeline, parts, since)
        raw = np.full(len(self.dataset.panel), np.nan)
        for part in parts:
            raw[part.rows[pipeline.rows(part.panel, since)]] = pipeline.raw_location(part.panel, since)
        calibrated = pipeline.shape is not UNCALIBRATED
        return FoldForecast(fold, name, calibrated, computed, raw[computed.rows], pipeline)
