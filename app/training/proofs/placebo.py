"""Whether skill is found where there is none, and where there is some: simulated markets with and without an edge."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from time import perf_counter

from app.core.progress import Progress, silent
from app.training.data import simulated
from app.training.data.candidates import CANDIDATES
from app.training.data.dataset import prepare
from app.training.data.folds import Fold, folds
from app.training.evaluation import gate
from app.training.evaluation.evaluator import Evaluator
from app.training.fitting.search import tried
from app.training.proofs.proof import Proof
from app.training.walk_forward.walk_forward import WalkForward

MARKETS = 20
EDGE = 0.05
"""The planted edge: correlation of a symbol's own shock with its next return."""
FOUND = 0.9
"""The share of planted edges that must be found."""
_FOLDS = (100, 250, 600)
"""Lengths of a simulated market's first folds: one for sigma, one for the location's trust, then one refit."""


def placebo(progress: Progress = silent, markets: int = MARKETS) -> Proof:
    """Run the contest's claim on simulated markets: none without an edge may get point skill, planted ones must.

    Volatility clusters in all of them. In half the returns have mean zero given the past; in the other half a symbol's
    own shock has a correlation of `EDGE` with its next return.
    """
    begun = perf_counter()
    tasks = [(seed, edge) for edge in (0.0, EDGE) for seed in range(markets)]
    claims: list[dict[str, gate.Claim]] = []
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as executor:
        for number, claim in enumerate(executor.map(lambda task: _market(*task), tasks)):
            claims.append(claim)
            progress((number + 1) / len(tasks), f"placebo: market {number + 1} of {len(tasks)}")
    false = [
        f"market {seed} has no edge, and {name} claims point skill: MAE ratio {one.mae_ratio:.5f}, below {one.high:.5f}"
        for seed, by_name in enumerate(claims[:markets])
        for name, one in by_name.items()
        if one.point_skill
    ]
    found = sum(any(one.point_skill for one in by_name.values()) for by_name in claims[markets:])
    enough = found >= FOUND * markets - 1e-9
    lines = (
        *false,
        f"{markets - len({line.split()[1] for line in false})} of {markets} markets without an edge: no claim",
        f"{found} of {markets} planted edges of {EDGE} found{'' if enough else ': too few'}",
    )
    return Proof("placebo", not false and enough, lines, round(perf_counter() - begun, 2))


def _market(seed: int, edge: float) -> dict[str, gate.Claim]:
    """Return each candidate's claim on one market; a planted edge is looked for by the linear candidate alone."""
    if edge:
        chosen = tuple(one for one in CANDIDATES if one.name in {"random_walk", "ridge"})
        bars = simulated.market(seed, 110, 1500, edge)
    else:
        bars, chosen = simulated.market(1000 + seed, 30, 900), CANDIDATES
    dataset = prepare(bars)
    first = folds(dataset)[0].start
    bounds = (first, *(first + part for part in _FOLDS), len(dataset.panel.days))
    schedule = [Fold(number, start, stop) for number, (start, stop) in enumerate(pairwise(bounds))]
    evaluator = Evaluator(dataset)
    WalkForward(dataset, schedule, chosen, refit_every=1).run(evaluator)
    fitted = [one.name for one in chosen if one.location not in {"zero", "drift"}]
    return {name: gate.claim(evaluator.rows(name), tried(CANDIDATES)) for name in fitted}
