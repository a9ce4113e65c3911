"""Everything that is fitted in a walk: a scale for each fold, and locations at every fourth.

Scales come first, for all folds, because what a location learns is measured in the sigmas that were forecast; then the
trees, which may grow in other threads while the folds are walked.
"""

from __future__ import annotations

from concurrent.futures import Executor, Future

import numpy as np

from app.registry.components.location import DriftLocation, ZeroLocation
from app.registry.components.panel import Array
from app.registry.components.scale import LogLinearScale
from app.registry.components.shape import PooledShape
from app.registry.versions.pipeline import Pipeline
from app.training.data.candidates import ADAPTATION, LEARNT_FROM, OF_MARKET, REGRESSORS, SHARED, Candidate
from app.training.data.dataset import Dataset
from app.training.data.folds import Fold
from app.training.fitting import search
from app.training.fitting.location import TREE_KINDS, FittedLocation, fit_reversal, neutral_target
from app.training.fitting.scale import PENALTY, PENALTY_SHARED, fit_scale

REFIT_LOCATIONS_EVERY = 4
"""Locations are refitted at every fourth refit of scale, trust and shape: the faint signal in them moves slowly."""


class FoldFits:
    """The fitted scales and locations of one schedule."""

    def __init__(
        self, dataset: Dataset, candidates: tuple[Candidate, ...], schedule: list[Fold], refit_every: int
    ) -> None:
        self._dataset, self._candidates, self._schedule = dataset, candidates, schedule
        self._locations_every = refit_every * REFIT_LOCATIONS_EVERY
        self._returns = dataset.target[dataset.forward]
        self._day = dataset.panel.day[dataset.forward]
        self._session = dataset.market_session[dataset.forward]
        self._learnt_from, self._of_market = dataset.matrix(LEARNT_FROM), dataset.matrix(OF_MARKET)
        self._sigma = np.full(len(dataset.panel), np.nan)
        self.scales: dict[int, LogLinearScale] = {}
        self._locations: dict[tuple[int, str], FittedLocation | Future[FittedLocation]] = {}

    def fit_scales(self) -> None:
        """Fit every fold's scale, and keep each row's sigma as it was forecast."""
        regressors = self._dataset.matrix(REGRESSORS)
        for fold in self._schedule:
            known = int(self._dataset.known[fold.start])
            penalties = np.where(SHARED, PENALTY_SHARED * known / len(np.unique(self._session[:known])), PENALTY)
            scale = fit_scale(REGRESSORS, regressors[:known], self._returns[:known], penalties)
            self.scales[fold.start] = scale
            uncalibrated = Pipeline(scale, PooledShape(()), adaptation=ADAPTATION)
            for panel, rows in self._dataset.between(fold.start, fold.stop, ADAPTATION.lookback):
                here = self._dataset.panel.day[rows] >= fold.start
                self._sigma[rows[here]] = uncalibrated.sigma(panel)[here]

    def start_trees(self, folds: list[Fold], executor: Executor) -> None:
        """Let the trees that these folds will need grow in other threads."""
        kinds = [one.location for one in self._candidates if one.location in TREE_KINDS]
        for start in sorted({self._locations_start(fold) for fold in folds}):
            known = self._known(start)
            if known.stop > known.start:
                rows, target, held = self._examples(known)
                for kind in kinds:
                    self._locations[start, kind] = executor.submit(search.fit, kind, rows, target, held)

    def location(self, candidate: Candidate, fold: Fold) -> FittedLocation:
        """Return the location that serves in a fold, fitted when it is first asked for; cheap ones at every refit."""
        kind = candidate.location
        start = self._locations_start(fold) if kind in (*TREE_KINDS, "ridge") else fold.start
        if (start, kind) not in self._locations:
            self._locations[start, kind] = self._fit(kind, start)
        found = self._locations[start, kind]
        return found.result() if isinstance(found, Future) else found

    def _locations_start(self, fold: Fold) -> int:
        """Return when a fold's locations were fitted: the last fourth refit, the first fold, or now for serving."""
        if fold.start == fold.stop:
            return fold.start
        return max(fold.start - fold.start % self._locations_every, self._schedule[0].start)

    def _known(self, start: int) -> slice:
        """Return the rows known at `start` whose sigma was forecast, not fitted: what a location may learn from."""
        first = int(np.searchsorted(self._day, self._schedule[0].start))
        return slice(first, max(first, int(self._dataset.known[start])))

    def _fit(self, kind: str, start: int) -> FittedLocation:
        known = self._known(start)
        if kind == "drift":
            return FittedLocation(DriftLocation())
        if kind == "zero" or known.stop <= known.start:
            return FittedLocation(ZeroLocation())
        if kind != "reversal":
            return search.fit(kind, *self._examples(known))
        sigma, sessions = self._sigma[self._dataset.forward[known]], len(np.unique(self._session[known]))
        return FittedLocation(fit_reversal(OF_MARKET, self._of_market[known], self._returns[known], sigma, sessions))

    def _examples(self, known: slice) -> tuple[Array, Array, search.Split | None]:
        """Return what is learnt between symbols: features, target, and what a search holds out."""
        sigma = self._sigma[self._dataset.forward[known]]
        target = neutral_target(self._returns[known], sigma, self._session[known])
        return self._learnt_from[known], target, search.split(self._dataset, known)
