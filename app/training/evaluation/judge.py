"""Gathers a walk's forecasts and turns them into scores: overall, by year, fold, volatility tercile and symbol."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from app.registry.components.panel import Array, Index
from app.registry.components.scores import crps, pit
from app.registry.versions.card import Metrics, Score
from app.registry.versions.pipeline import Computed, prob_up
from app.training.data.dataset import Dataset
from app.training.data.folds import Fold
from app.training.evaluation.metrics import Judged, inside, score
from app.training.walk_forward.walk_forward import FoldForecast

BASE = "random_walk"
_LOW, _HIGH = 2, 18
_PIT_BINS = 20
_TERCILES = ("low", "middle", "high")


class Judge:
    """A walk's sink: keeps what the scores need of every forecast whose outcome is known."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._base = np.full(len(dataset.panel), np.nan)
        self._rows: dict[str, list[Index]] = {}
        self._parts: dict[str, list[Judged]] = {}
        self._folds: dict[str, list[Index]] = {}

    def __call__(self, one: FoldForecast) -> None:
        """Take in one fold's forecasts; the random walk's come first, for the others are judged against them."""
        if one.calibrated:
            self.take(one.fold, one.candidate.name, one.computed)

    def take(self, fold: Fold, name: str, made: Computed) -> None:
        """Take in forecasts that are calibrated."""
        realised = self._dataset.target[made.rows]
        losses = crps(made.quantiles, realised)
        if name == BASE:
            self._base[made.rows] = losses
        keep = self._dataset.usable[made.rows] & np.isfinite(self._base[made.rows])
        part = judged(self._dataset, made, losses, self._base).part(keep)
        self._rows.setdefault(name, []).append(made.rows[keep])
        self._parts.setdefault(name, []).append(part)
        self._folds.setdefault(name, []).append(np.full(len(part), fold.number))

    @property
    def names(self) -> tuple[str, ...]:
        """The candidates that were judged, in order."""
        return tuple(self._parts)

    def rows(self, name: str) -> Index:
        """Return where a candidate's judged rows stand in the dataset."""
        return np.concatenate(self._rows[name])

    def judged(self, name: str) -> Judged:
        """Return a candidate's judged rows."""
        return joined(self._parts[name])

    def common(self) -> Index:
        """Return the dataset's rows that every candidate forecast: all are ranked on the same ones."""
        counts = np.zeros(len(self._dataset.panel), dtype=np.intp)
        for name in self._rows:
            counts[self.rows(name)] += 1
        return np.flatnonzero(counts == len(self._rows))

    def shared(self, name: str) -> Judged:
        """Return a candidate's judged rows among the common ones."""
        return self.judged(name).part(np.isin(self.rows(name), self.common(), assume_unique=True))

    def metrics(self, name: str) -> Metrics:
        """Return a candidate's scores on the common rows, whole and by part."""
        keep = np.isin(self.rows(name), self.common(), assume_unique=True)
        rows, fold = self.judged(name).part(keep), np.concatenate(self._folds[name])[keep]
        years = self._dataset.panel.days[rows.day].astype("datetime64[Y]").astype(int) + 1970
        bounds = np.quantile(rows.sigma, [1 / 3, 2 / 3])
        tercile = np.searchsorted(bounds, rows.sigma)
        names = self._dataset.panel.names
        return Metrics(
            overall=score(rows),
            by_year=_by(rows, years, str),
            by_fold=_by(rows, fold, lambda number: f"{number:03d}"),
            by_tercile=_by(rows, tercile, lambda third: _TERCILES[third]),
            by_symbol=_by(rows, rows.symbol, lambda code: str(names[code])),
            pit=tuple(np.histogram(rows.pit, bins=_PIT_BINS, range=(0.0, 1.0))[0] / len(rows)),
        )


def joined(parts: Sequence[Judged]) -> Judged:
    """Put rows of several folds one after another."""
    return Judged(**{key: np.concatenate([getattr(part, key) for part in parts]) for key in vars(parts[0])})


def judged(dataset: Dataset, made: Computed, losses: Array, base: Array) -> Judged:
    """Put forecasts beside their outcomes."""
    realised = dataset.target[made.rows]
    return Judged(
        day=dataset.panel.day[made.rows],
        symbol=dataset.panel.symbol[made.rows],
        realised=realised,
        location=made.location,
        sigma=made.sigma,
        prob_up=prob_up(made.quantiles),
        inside=inside(made.quantiles, realised),
        width_80=made.quantiles[:, _HIGH] - made.quantiles[:, _LOW],
        crps=losses,
        crps_base=base[made.rows],
        pit=pit(made.quantiles, realised),
    )


def _by(rows: Judged, key: Index, name: Callable[[int], str]) -> dict[str, Score]:
    """Score the rows of each key, without intervals."""
    return {name(int(one)): score(rows.part(key == one), brief=True) for one in np.unique(key)}
