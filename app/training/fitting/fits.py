"""Everything that is fitted in a walk: a scale for each fold, and locations at every fourth.

Scales come first, for all folds, because what a location learns is measured in the sigmas that were forecast; then the
trees, which may grow in other processes while the folds are walked.
"""

from __future__ import annotations

from concurrent.futures import Executor, Future

import numpy as np

from app.registry.components.location import DriftLocation, Location, TreeLocation, ZeroLocation
from app.registry.components.panel import Array
from app.registry.components.scale import LogLinearScale
from app.registry.components.shape import PooledShape
from app.registry.components.trees import Trees
from app.registry.versions.pipeline import Pipeline
from app.training.data.candidates import ADAPTATION, LEARNT_FROM, OF_MARKET, REGRESSORS, SHARED, Candidate
from app.training.data.dataset import Dataset
from app.training.data.folds import Fold
from app.training.fitting.location import GROWN, fit_reversal, fit_ridge, neutral_target
from app.training.fitting.scale import PENALTY, PENALTY_SHARED, fit_scale
from app.training.fitting.search import Grown, best_penalty, grow, split

REGROW_EVERY = 4
"""Locations are refitted at every fourth refit of scale, trust and shape: the faint signal in them moves slowly."""


class FoldFits:
    """The fitted parts of a walk over one schedule."""

    def __init__(
        self, dataset: Dataset, candidates: tuple[Candidate, ...], schedule: list[Fold], refit_every: int
    ) -> None:
        self._dataset, self._candidates, self._schedule = dataset, candidates, schedule
        self._regrow_every = refit_every * REGROW_EVERY
        self._returns = dataset.target[dataset.forward]
        self._day = dataset.panel.day[dataset.forward]
        self._session = dataset.market_session[dataset.forward]
        self._learnt_from, self._of_market = dataset.matrix(LEARNT_FROM), dataset.matrix(OF_MARKET)
        self._sigma = np.full(len(dataset.panel), np.nan)
        self.scales: dict[int, LogLinearScale] = {}
        self._trees: dict[tuple[int, str], Future[Grown]] = {}
        self._locations: dict[tuple[int, str], Location] = {}
        self._chosen: dict[tuple[int, str], dict[str, float]] = {}

    def measure(self) -> None:
        """Fit every fold's scale, and note each row's sigma as it was forecast."""
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

    def sow(self, folds: list[Fold], executor: Executor) -> None:
        """Let the trees that these folds will need grow in other processes."""
        kinds = [one.location for one in self._candidates if one.location in GROWN]
        for start in sorted({self.regrown(fold) for fold in folds}):
            known = self._measured(start)
            if known.stop > known.start:
                rows, wanted = self._learnt_from[known].astype(np.float32), self._neutral(known)
                for kind in kinds:
                    self._trees[start, kind] = executor.submit(grow, kind, rows, wanted, split(self._dataset, known))

    def location(self, candidate: Candidate, fold: Fold) -> Location:
        """Return the location that serves in a fold, fitted when it is first asked for; cheap ones at every refit."""
        start = self._started(candidate, fold)
        if (start, candidate.name) not in self._locations:
            self._locations[start, candidate.name] = self._fit(candidate, start)
        return self._locations[start, candidate.name]

    def chosen(self, candidate: Candidate, fold: Fold) -> dict[str, float]:
        """Return what a search chose for the location that serves in a fold."""
        return self._chosen.get((self._started(candidate, fold), candidate.name), {})

    def _started(self, candidate: Candidate, fold: Fold) -> int:
        return self.regrown(fold) if candidate.location in (*GROWN, "ridge") else fold.start

    def regrown(self, fold: Fold) -> int:
        """Return when a fold's locations were fitted: the last fourth refit, the first fold, or now for serving."""
        if fold.start == fold.stop:
            return fold.start
        return max(fold.start - fold.start % self._regrow_every, self._schedule[0].start)

    def _measured(self, start: int) -> slice:
        """Return the rows known at `start` whose sigma was forecast, not fitted: what a location may learn from."""
        first = int(np.searchsorted(self._day, self._schedule[0].start))
        return slice(first, max(first, int(self._dataset.known[start])))

    def _fit(self, candidate: Candidate, start: int) -> Location:
        kind, known = candidate.location, self._measured(start)
        if kind == "zero":
            return ZeroLocation()
        if kind == "drift":
            return DriftLocation()
        if known.stop <= known.start:
            return ZeroLocation()
        if kind == "reversal":
            sigma, sessions = self._sigma[self._dataset.forward[known]], len(np.unique(self._session[known]))
            return fit_reversal(OF_MARKET, self._of_market[known], self._returns[known], sigma, sessions)
        rows, wanted, held = self._learnt_from[known], self._neutral(known), split(self._dataset, known)
        if kind == "ridge":
            penalty = best_penalty(rows, wanted, held)
            self._chosen[start, candidate.name] = {"penalty_per_row": penalty}
            return fit_ridge(LEARNT_FROM, rows, wanted, penalty)
        early = self._trees.get((start, kind))
        grown = early.result() if early else grow(kind, rows.astype(np.float32), wanted, held)
        self._chosen[start, candidate.name] = grown.chosen
        return TreeLocation(LEARNT_FROM, Trees.read(kind, grown.trees))

    def _neutral(self, known: slice) -> Array:
        return neutral_target(self._returns[known], self._sigma[self._dataset.forward[known]], self._session[known])
