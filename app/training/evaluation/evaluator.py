"""Gathers a walk's forecasts and turns them into scores: overall, by year, fold, volatility tercile and symbol."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from app.registry.components.event import EVENT, is_event
from app.registry.components.panel import Array, Index
from app.registry.components.scores import crps, pit
from app.registry.versions.card import Metrics, Score, WeekLoss
from app.registry.versions.pipeline import prob_up
from app.training.data.dataset import Dataset
from app.training.evaluation.metrics import ScoredRows, inside, score
from app.training.evaluation.selection import SessionSums
from app.training.walk_forward.walk_forward import FoldForecast

BASE = "random_walk"
_LOW, _HIGH = 2, 18
_PIT_BINS = 20
_KINDS = ("other", "event")
_TERCILES = ("low", "middle", "high")


class Evaluator:
    """A walk's sink: keeps what the scores need of every forecast whose outcome is known."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._base = np.full(len(dataset.panel), np.nan)
        self._folds: dict[str, list[ScoredRows]] = {}

    def __call__(self, forecast: FoldForecast) -> None:
        """Take in one fold's forecasts; the random walk's come first, for the others are judged against them."""
        if not forecast.calibrated:
            return
        dataset, (rows, location, sigma, quantiles) = self._dataset, forecast.computed
        realised = dataset.target[rows]
        losses = crps(quantiles, realised)
        if forecast.name == BASE:
            self._base[rows] = losses
        scored = ScoredRows(
            row=rows,
            fold=np.full(len(rows), forecast.fold.number),
            day=dataset.panel.day[rows],
            symbol=dataset.panel.symbol[rows],
            realised=realised,
            location=location,
            sigma=sigma,
            prob_up=prob_up(quantiles),
            inside=inside(quantiles, realised),
            width_80=quantiles[:, _HIGH] - quantiles[:, _LOW],
            crps=losses,
            crps_base=self._base[rows],
            pit=pit(quantiles, realised),
        )
        self._folds.setdefault(forecast.name, []).append(
            scored.part(dataset.usable[rows] & np.isfinite(scored.crps_base))
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The candidates that were judged, in order."""
        return tuple(self._folds)

    def rows(self, name: str) -> ScoredRows:
        """Return a candidate's rows among those that every candidate forecast: all are ranked on the same ones."""
        own = ScoredRows.joined(self._folds[name])
        return own.part(self._common()[own.row])

    def on_events(self, rows: ScoredRows) -> ScoredRows:
        """Return those rows whose target is likely the first session to trade a company's results."""
        return rows.part(is_event(self._dataset.panel.column(EVENT)[rows.row]))

    def metrics(self, name: str) -> Metrics:
        """Return a candidate's scores on the common rows, whole and by part."""
        rows, panel = self.rows(name), self._dataset.panel
        years = panel.days[rows.day].astype("datetime64[Y]").astype(int) + 1970
        tercile = np.searchsorted(np.quantile(rows.sigma, [1 / 3, 2 / 3]), rows.sigma)
        return Metrics(
            overall=score(rows),
            by_year=_by(rows, years, str),
            by_fold=_by(rows, rows.fold, lambda number: f"{number:03d}", with_error=True),
            by_tercile=_by(rows, tercile, lambda third: _TERCILES[third]),
            by_kind=_by(rows, is_event(panel.column(EVENT)[rows.row]).astype(np.intp), lambda kind: _KINDS[kind]),
            by_symbol=_by(rows, rows.symbol, lambda code: str(panel.names[code])),
            by_week=week_losses(panel.days[rows.day], rows.crps, rows.crps_base),
            pit=tuple(np.histogram(rows.pit, bins=_PIT_BINS, range=(0.0, 1.0))[0] / len(rows)),
        )

    def _common(self) -> NDArray[np.bool_]:
        """Say of each row of the dataset whether every candidate forecast it."""
        counts = np.zeros(len(self._dataset.panel), dtype=np.intp)
        for folds in self._folds.values():
            for scored in folds:
                counts[scored.row] += 1
        common: NDArray[np.bool_] = counts == len(self._folds)
        return common


def session_sums(evaluator: Evaluator) -> tuple[dict[str, SessionSums], dict[str, SessionSums]]:
    """Return each candidate's sums over all rows, and over event sessions; one candidate's rows are held at a time."""
    sums: tuple[dict[str, SessionSums], dict[str, SessionSums]] = {}, {}
    for name in evaluator.names:
        rows = evaluator.rows(name)
        sums[0][name], sums[1][name] = SessionSums.of(rows), SessionSums.of(evaluator.on_events(rows))
    return sums


def _by(rows: ScoredRows, key: Index, name: Callable[[int], str], *, with_error: bool = False) -> dict[str, Score]:
    """Score the rows of each key, without intervals but, if asked for, that of the skill."""
    return {name(int(one)): score(rows.part(key == one), brief=True, with_error=with_error) for one in np.unique(key)}


def mondays(sessions: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """Return the Monday of each session's week."""
    days = sessions.astype("datetime64[D]").astype(np.int64)
    return (days - (days + 3) % 7).astype("datetime64[D]")  # day 0 of the count, 1970-01-01, was a Thursday


def week_losses(sessions: NDArray[np.datetime64], crps: Array, crps_base: Array) -> dict[str, WeekLoss]:
    """Return the mean losses of rows, week by week, oldest first."""
    weeks, number, counts = np.unique(mondays(sessions), return_inverse=True, return_counts=True)
    ours, base = (np.bincount(number, weights=losses) / counts for losses in (crps, crps_base))
    return {
        str(week): WeekLoss(n=int(n), crps=float(own), crps_random_walk=float(other))
        for week, n, own, other in zip(weeks, counts, ours, base, strict=True)
    }
