"""Everything that is fitted in a walk: a log-linear scale for each fold; at every fourth, locations and trees.

Log-linear scales come first, for all folds, because what a location or a correction learns is measured in the sigmas
that were forecast; then the trees, which may grow elsewhere while the folds are walked: in threads, or on a cluster.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.registry.components.event import EVENT, is_event
from app.registry.components.location import DriftLocation, ZeroLocation
from app.registry.components.panel import Array, count_distinct
from app.registry.components.scale import CorrectedScale, EwmaScale, HistoryScale, LogLinearScale, Scale
from app.registry.components.shape import PooledShape
from app.registry.components.trees import Trees
from app.registry.versions.pipeline import Pipeline
from app.training.data.candidates import (
    ADAPTATION,
    CORRECTED,
    LEARNT_FROM,
    OF_EVENTS,
    OF_MARKET,
    REGRESSORS,
    SCALE_LEARNT_FROM,
    SHARED,
    Candidate,
)
from app.training.data.dataset import Dataset
from app.training.data.folds import Fold
from app.training.fitting import search
from app.training.fitting.levels import OwnLevels, levels_before, levels_now, symbol_levels
from app.training.fitting.location import TREE_KINDS, FittedLocation, fit_reversal, neutral_target
from app.training.fitting.scale import fit_scale, penalties, score_of
from app.training.fitting.scale_trees import WEIGHT, correction_target
from app.training.fitting.units import Examples, grow_correction, grow_location
from app.training.workers.pool import Pool, Unit

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
        self._symbol = dataset.panel.symbol[dataset.forward]
        self._learnt_from, self._of_market = dataset.matrix(LEARNT_FROM), dataset.matrix(OF_MARKET)
        self._sigma, self._level = np.full((2, len(dataset.panel)), np.nan)
        self._scales: dict[int, LogLinearScale] = {}
        self._locations: dict[tuple[int, str], FittedLocation] = {}
        self._grown: dict[tuple[int, str], Unit[FittedLocation]] = {}
        self._corrections: dict[tuple[int, str], Unit[Trees]] = {}

    def fit_scales(self) -> None:
        """Fit every fold's log-linear scale, and keep each row's sigma as it was forecast."""
        regressors = self._dataset.matrix(REGRESSORS)
        before: LogLinearScale | None = None
        for fold in self._schedule:
            known = int(self._dataset.known[fold.start])
            ridge = penalties(SHARED, OF_EVENTS, known, count_distinct(self._session[:known]))
            found = fit_scale(REGRESSORS, regressors[:known], self._returns[:known], ridge, OF_EVENTS, before)
            before = self._scales[fold.start] = self._with_levels(found, fold)
            uncalibrated = Pipeline(before, PooledShape(()), adaptation=ADAPTATION)
            for panel, rows in self._dataset.between(fold.start, fold.stop, ADAPTATION.lookback):
                here = self._dataset.panel.day[rows] >= fold.start
                self._sigma[rows[here]] = uncalibrated.sigma(panel)[here]
                self._level[rows[here]] = before.own_level(panel)[here]

    def _with_levels(self, scale: LogLinearScale, fold: Fold) -> LogLinearScale:
        """Add each symbol's own level, from the rows known whose sigma was forecast; events teach no level."""
        panel = self._dataset.panel
        rows = self._dataset.forward[self._known(fold.start)]
        rows = rows[np.isfinite(self._sigma[rows]) & ~is_event(panel.column(EVENT)[rows])]
        step = score_of((self._dataset.target[rows] / self._sigma[rows]) ** 2 * np.exp(2.0 * self._level[rows]))
        levels = symbol_levels(step, panel.symbol[rows], self._dataset.market_session[rows], len(panel.names))
        own = np.flatnonzero(levels)
        names = tuple(str(name) for name in panel.names[own])
        return replace(scale, symbols=names, levels=tuple(levels[own].tolist()))

    def scale(self, kind: str, fold: Fold) -> Scale:
        """Return the scale of a kind that serves in a fold: a plain rule, the log-linear one, or that corrected."""
        plain: dict[str, Scale] = {
            "history": HistoryScale(),
            "ewma": EwmaScale(),
            "loglinear": self._scales[fold.start],
        }
        start = self._locations_start(fold)
        known = self._known(start)
        if kind in plain or known.stop <= known.start:
            return plain.get(kind, self._scales[fold.start])
        own = self._own(self._missed, known)
        trees = tuple(self._corrections[start, one].result() for one in CORRECTED[kind])
        return CorrectedScale(self._scales[fold.start], SCALE_LEARNT_FROM, trees, WEIGHT / len(trees), *own)

    @cached_property
    def _missed(self) -> Array:
        """What the log-linear scale missed, over `forward`; asked for when all scales are fitted."""
        squares = (self._returns / self._sigma[self._dataset.forward]) ** 2
        return np.nan_to_num(correction_target(squares, self._session))

    @cached_property
    def _moved(self) -> Array:
        """What a location learns to forecast, over `forward`; asked for when all scales are fitted."""
        sigma = self._sigma[self._dataset.forward]
        return np.nan_to_num(neutral_target(self._returns, sigma, self._session))

    def _with_own(self, rows: NDArray[Any], target: Array) -> NDArray[np.float32]:
        """Return features over `forward`, and last what was known of each row's symbol before it."""
        found = np.zeros((len(rows), rows.shape[1] + 1), np.float32)
        found[:, :-1] = rows
        known = slice(int(np.searchsorted(self._day, self._schedule[0].start)), None)
        found[known, -1] = levels_before(target[known], self._symbol[known])
        return found

    def _own(self, target: Array, known: slice) -> OwnLevels:
        return levels_now(target[known], self._symbol[known], self._dataset.panel.names)

    def start_trees(self, folds: list[Fold], pool: Pool) -> None:
        """Hand over the trees that these folds will need, oldest first; all scales are fitted before."""
        kinds = [one.location for one in self._candidates if one.location in TREE_KINDS]
        corrections = sorted({kind for one in self._candidates for kind in CORRECTED.get(one.scale, ())})
        if not kinds and not corrections:
            return
        scale_learns_from = self._dataset.matrix(SCALE_LEARNT_FROM, np.float32)
        examples = Examples(
            moved_by=self._with_own(self._learnt_from, self._moved),
            moved=self._moved,
            missed_by=self._with_own(scale_learns_from, self._missed),
            missed=self._missed,
        )
        for start in sorted({self._locations_start(fold) for fold in folds}):
            known = self._known(start)
            if known.stop > known.start:
                held, own = search.split(self._dataset, known), self._own(self._moved, known)
                for kind in kinds:
                    self._grown[start, kind] = pool.submit(grow_location, examples, kind, known, held, own)
                for kind in corrections:
                    self._corrections[start, kind] = pool.submit(grow_correction, examples, kind, known)

    def location(self, candidate: Candidate, fold: Fold) -> FittedLocation:
        """Return the location that serves in a fold: trees, or fitted when it is first asked for."""
        kind = candidate.location
        start = self._locations_start(fold) if kind in (*TREE_KINDS, "ridge") else fold.start
        if (start, kind) in self._grown:
            return self._grown[start, kind].result()
        if (start, kind) not in self._locations:
            self._locations[start, kind] = self._fit(kind, start)
        return self._locations[start, kind]

    def _locations_start(self, fold: Fold) -> int:
        """Return when a fold's locations were fitted: the last fourth refit, the first fold, or now for serving."""
        if fold.start == fold.stop:
            return fold.start
        return max(fold.start - fold.start % self._locations_every, self._schedule[0].start)

    def _known(self, start: int) -> slice:
        """Return the rows known at `start` whose sigma was forecast, not fitted: what a location may learn from.

        Only a walk that looks ahead finds some without a sigma; they count for nothing, and a proof names it.
        """
        first = int(np.searchsorted(self._day, self._schedule[0].start))
        return slice(first, max(first, int(self._dataset.known[start])))

    def _fit(self, kind: str, start: int) -> FittedLocation:
        known = self._known(start)
        if kind == "drift":
            return FittedLocation(DriftLocation())
        if kind == "zero" or known.stop <= known.start:
            return FittedLocation(ZeroLocation())
        if kind == "ridge":
            return search.fit(kind, self._learnt_from[known], self._moved[known], search.split(self._dataset, known))
        sigma, sessions = self._sigma[self._dataset.forward[known]], count_distinct(self._session[known])
        return FittedLocation(fit_reversal(OF_MARKET, self._of_market[known], self._returns[known], sigma, sessions))
