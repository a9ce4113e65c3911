"""Whether skill is found where there is none, and where there is some: simulated markets with and without an edge.

On a market without an edge nothing can be known of the next return, so whatever knows something looks ahead, and
whatever is trusted does harm. That is asked four times: of the claims, of each feature, of each candidate's point
error, and of the fits (a walk that ends where a fold starts must forecast the same).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from threading import Lock
from time import perf_counter
from typing import Final

import numpy as np
import polars as pl

from app.core.progress import Progress, silent
from app.training.data import simulated
from app.training.data.candidates import CANDIDATES, NEEDED, Candidate
from app.training.data.dataset import Dataset, prepare
from app.training.data.folds import Fold, folds
from app.training.evaluation import gate
from app.training.evaluation.evaluator import Evaluator
from app.training.evaluation.metrics import absolute_errors
from app.training.fitting.search import tried
from app.training.proofs import leakage
from app.training.proofs.proof import Proof
from app.training.walk_forward.walk_forward import WalkForward
from app.training.workers.pool import workers

MARKETS: Final = 20
EDGE: Final = 0.05
"""The planted edge: correlation of a symbol's own shock with its next return."""
FOUND: Final = 0.95
"""The share of planted edges that must be found."""
FORESIGHT: Final = 5.0
"""A feature whose correlation with the next return is so many of its errors from zero knows it.

Of a hundred features without foresight chance takes one for such in 17,000 runs. Twenty markets find a correlation of
0.01 of the symbols' own moves, and one of 0.05 of a feature that all symbols of a session share; two find 0.03 of the
former.
"""
HARM: Final = 1.0003
"""The MAE ratio to the random walk, over all markets without an edge, that no candidate's location may exceed."""
_FOLDS = (100, 250, 600)
"""Where folds of a market without an edge end, in sessions from the first: for sigma, for trust, then one refit."""
_EDGE_FOLDS = (100, *range(250, 1001, 125))
"""The same where an edge is planted: trust that fades is learnt anew twice a year, as it is nearly where it serves."""
_STILL, _PLANTED = (30, 900), (110, 1500)
"""Symbols and sessions of a market without an edge, and of one with."""
_CUT = 4.0
_large = Lock()
"""A market with an edge takes 0.4 GB: one at a time, whatever the number of threads."""


@dataclass(frozen=True)
class Market:
    """What one simulated market showed.

    Of each candidate its claim and its absolute error beside the random walk's, both summed; of each feature the
    products with the next return, summed over the sessions, and their squares.
    """

    claims: dict[str, gate.Claim]
    errors: dict[str, tuple[float, float]]
    features: dict[str, tuple[float, float]]


def placebo(progress: Progress = silent, markets: int = MARKETS, cluster: str | None = None) -> Proof:
    """Run the contest on simulated markets: without an edge nothing may be known, planted edges must be found.

    Volatility clusters in all of them. In half the returns have mean zero given the past; in the other half a symbol's
    own shock has a correlation of `EDGE` with its next return. Errors: `ClusterUnavailable`.
    """
    begun = perf_counter()
    tasks = [(seed, edge) for edge in (0.0, EDGE) for seed in range(markets)]
    shown: list[Market] = []
    with workers(cluster) as pool:
        ahead = pool.submit(_looks_ahead)
        for number, unit in enumerate([pool.submit(_market, *task) for task in tasks]):
            shown.append(unit.result())
            progress((number + 1) / len(tasks), f"placebo: market {number + 1} of {len(tasks)}{pool.where}")
        foreseen = ahead.result()
    still, planted = shown[:markets], shown[markets:]
    broken = [*_false_claims(still), *_foresight(still), *_harm(still), *foreseen]
    found = sum(any(one.point_skill for one in market.claims.values()) for market in planted)
    enough = found >= FOUND * markets - 1e-9
    claimless = sum(not any(one.point_skill for one in market.claims.values()) for market in still)
    lines = (
        *broken,
        f"{claimless} of {markets} markets without an edge: no claim",
        f"{found} of {markets} planted edges of {EDGE} found{'' if enough else ': too few'}",
        *([] if broken else [f"{len(still[0].features)} features and {len(still[0].errors)} locations know nothing"]),
    )
    return Proof("placebo", not broken and enough, lines, round(perf_counter() - begun, 2))


def _false_claims(markets: Sequence[Market]) -> list[str]:
    return [
        f"market {seed} has no edge, and {name} claims point skill: MAE ratio {one.mae_ratio:.5f}, below {one.high:.5f}"
        for seed, market in enumerate(markets)
        for name, one in market.claims.items()
        if one.point_skill
    ]


def _foresight(markets: Sequence[Market]) -> list[str]:
    """Name the features that know the next return where nothing can be known."""
    found = []
    for name in markets[0].features:
        total, squares = np.sum([market.features[name] for market in markets], axis=0)
        t = total / np.sqrt(squares) if squares > 0.0 else 0.0
        if abs(t) > FORESIGHT:
            found.append(f"{name} knows the next return of markets without an edge: {t:.1f} errors from nothing")
    return found


def _harm(markets: Sequence[Market]) -> list[str]:
    """Name the candidates whose location is trusted where there is nothing to trust."""
    found = []
    for name in markets[0].errors:
        error, base = np.sum([market.errors[name] for market in markets], axis=0)
        if error > HARM * base:
            found.append(f"{name} does harm on markets without an edge: MAE ratio {error / base:.5f}, above {HARM}")
    return found


def _looks_ahead() -> list[str]:
    """Walk a small market whole, and cut where a fold starts: what is fitted there may know nothing later."""
    return [f"looks ahead: {breach}" for breach in leakage.fits_ahead(simulated.market(2000, 5, 540))]


def _market(seed: int, edge: float) -> Market:
    """Walk one market; a planted edge is looked for by the linear candidate alone."""
    if not edge:
        return _walked(simulated.market(1000 + seed, *_STILL), CANDIDATES, edge)
    with _large:
        chosen = tuple(one for one in CANDIDATES if one.name in {"random_walk", "ridge"})
        return _walked(simulated.market(seed, *_PLANTED, edge), chosen, edge)


def _walked(bars: pl.DataFrame, chosen: tuple[Candidate, ...], edge: float) -> Market:
    dataset = prepare(bars)
    first = folds(dataset)[0].start
    bounds = (first, *(first + part for part in (_EDGE_FOLDS if edge else _FOLDS)), len(dataset.panel.days))
    schedule = [Fold(number, start, stop) for number, (start, stop) in enumerate(pairwise(bounds))]
    evaluator = Evaluator(dataset)
    WalkForward(dataset, schedule, chosen, refit_every=1).run(evaluator)
    fitted = {one.name: evaluator.rows(one.name) for one in chosen if one.location not in {"zero", "drift"}}
    return Market(
        claims={name: gate.claim(rows, tried(CANDIDATES)) for name, rows in fitted.items()},
        errors={name: _sums(*absolute_errors(rows)) for name, rows in fitted.items()},
        features={} if edge else {name: _products(dataset, name) for name in NEEDED},
    )


def _sums(*values: np.ndarray) -> tuple[float, float]:
    first, second = (float(one.sum()) for one in values)
    return first, second


def _products(dataset: Dataset, name: str) -> tuple[float, float]:
    """Return the sum over sessions of a feature times the next return, and the sum of squares: their ratio is a t.

    Both are standardised and cut; the products of a session are added first, for its symbols move together.
    """
    panel, rows = dataset.panel, dataset.forward
    feature, target = panel.column(name)[rows], dataset.target[rows]
    known = np.isfinite(feature)
    if not known.any():
        return 0.0, 0.0
    x, y = _standardised(feature[known]), _standardised(target[known])
    by_session = np.bincount(panel.day[rows][known], weights=x * y)
    return float(by_session.sum()), float(np.sum(by_session**2))


def _standardised(values: np.ndarray) -> np.ndarray:
    spread = float(values.std())
    return np.clip((values - values.mean()) / spread, -_CUT, _CUT) if spread > 0.0 else np.zeros(len(values))
