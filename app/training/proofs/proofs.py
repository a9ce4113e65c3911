"""Proofs that a user can run: no leak from the future, and no skill found where there is none."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import pairwise
from time import perf_counter

import polars as pl

from app.core.clock import calendar
from app.core.db import Database
from app.core.errors import NoHistory
from app.core.progress import Progress, silent
from app.core.settings import Settings
from app.features import frame, laws
from app.prices import store
from app.registry.components.levels import QUANTILE_NAMES
from app.registry.promotion.champion import Champion
from app.registry.versions.model import Model
from app.training.data import simulated
from app.training.data.candidates import CANDIDATES, Candidate
from app.training.data.dataset import LEARN_AFTER, FeatureBuilder, by_exchange, prepare
from app.training.data.folds import LEARN_SESSIONS, Fold, folds
from app.training.evaluation import gate
from app.training.evaluation.judge import Judge
from app.training.fitting.location import GROWN
from app.training.fitting.search import tried
from app.training.walk_forward.walk_forward import FoldForecast, WalkForward

Exchanges = Mapping[str, str]

SYMBOLS, SESSIONS, REFIT_EVERY = 5, 700, 63
"""The stored bars that the leakage proof works on: the symbols with the longest history, their latest sessions."""
CUTS = (0.74, 0.87)
"""Where the bars are cut or changed, as shares of the sample's sessions."""
MARKETS = 20
EDGE = 0.05
"""The planted edge: correlation of a symbol's own shock with its next return."""
FOUND = 0.9
"""The share of planted edges that must be found."""
_PARTS = (100, 250, 600)
"""Folds of a simulated market: one for sigma, one for the location's trust, then one refit."""


@dataclass(frozen=True)
class Proof:
    """One proof's outcome; `details` has a line per check, the offending feature, row or figure first."""

    name: str
    passed: bool
    details: tuple[str, ...]
    elapsed_s: float


def leakage(
    settings: Settings,
    database: Database,
    progress: Progress = silent,
    build: FeatureBuilder = frame.build,
    model: Model | None = None,
) -> Proof:
    """Truncate, mutate and rescale the stored bars: features and forecasts known before must not change.

    The forecasts are those of a whole walk: scales, locations, trust, shape and adaptation, fitted again on the changed
    bars. Last, the newest forecast of `model`, the champion if not given, is rebuilt from the shortest history that it
    may be served with.
    """
    begun = perf_counter()
    bars, exchanges = _sample(database)
    days = bars["session"].unique().sort().to_list()
    cuts = [days[int(share * len(days))] for share in CUTS]
    checks = _checks(model or Champion(settings).current(), bars, exchanges, cuts, build)
    broken, held = [], []
    for number, (name, check) in enumerate(checks):
        progress(number / len(checks), name)
        found = check()
        broken += [str(breach) for breach in found]
        held += [] if found else [f"{name}: holds"]
    progress(1.0, "leakage: done")
    return Proof("leakage", not broken, (*broken, *held), round(perf_counter() - begun, 2))


def _checks(
    model: Model | None, bars: pl.DataFrame, exchanges: Exchanges, cuts: Sequence[date], build: FeatureBuilder
) -> list[tuple[str, Callable[[], Sequence[object]]]]:
    features = _remembered(partial(_features, build, exchanges))
    walked = _remembered(partial(_forecasts, build, exchanges, CANDIDATES))
    plain = tuple(one for one in CANDIDATES if one.location not in GROWN and not one.parts)
    smooth = _remembered(partial(_forecasts, build, exchanges, plain))
    n = f"{bars['symbol'].n_unique()} symbols, {bars['session'].n_unique()} sessions"
    return [
        (f"features, truncation at {len(cuts)} sessions ({n})", lambda: laws.truncation(features, bars, cuts)),
        (f"features, later bars times 1000 ({n})", lambda: laws.mutation(features, bars, cuts)),
        ("features, prices times 7", lambda: laws.unit(features, bars)),
        ("forecasts of every candidate, truncation", lambda: laws.truncation(walked, bars, cuts)),
        ("forecasts of every candidate, later bars times 1000", lambda: laws.mutation(walked, bars, cuts[-1:])),
        ("forecasts, prices times 7", lambda: laws.unit(smooth, bars)),
        ("the newest forecast, rebuilt from the shortest history", lambda: _replay(model, bars, exchanges, build)),
    ]


def _sample(database: Database) -> tuple[pl.DataFrame, Exchanges]:
    """Return the latest sessions of the symbols with the most bars, and where they trade.

    Errors: `NoHistory` when they are too few.
    """
    with database.read() as db:
        known, exchanges = store.last_bars(db), store.exchanges(db)
    longest = sorted(known, key=lambda symbol: (-known[symbol].bars, symbol))[:SYMBOLS]
    bars = store.panel(database, symbols=longest)
    days = bars["session"].unique().sort()
    if len(days) < LEARN_AFTER + LEARN_SESSIONS + 3 * REFIT_EVERY:
        raise NoHistory(f"{len(days)} sessions are stored; the proof needs about two years of bars")
    return bars.filter(pl.col("session") >= days.tail(SESSIONS)[0]), exchanges


def _features(build: FeatureBuilder, exchanges: Exchanges, bars: pl.DataFrame) -> pl.DataFrame:
    made = [build(own, calendar(exchange)) for exchange, own in by_exchange(bars, exchanges).items()]
    return pl.concat(made).sort("symbol", "session").drop("close")


def _forecasts(
    build: FeatureBuilder, exchanges: Exchanges, candidates: tuple[Candidate, ...], bars: pl.DataFrame
) -> pl.DataFrame:
    """Return every candidate's out-of-fold forecasts, one column for each figure."""
    dataset = prepare(bars, exchanges, build)
    found: dict[str, list[pl.DataFrame]] = {}

    def take(made: FoldForecast) -> None:
        computed = made.computed
        table = {name: computed.quantiles[:, at] for at, name in enumerate(QUANTILE_NAMES)}
        columns = {"return_log": computed.location, "sigma": computed.sigma, **table}
        named = {f"{made.candidate.name}.{name}": values for name, values in columns.items()}
        keys = dataset.panel.frame[computed.rows].select("symbol", "session")
        found.setdefault(made.candidate.name, []).append(
            keys.with_columns(**{k: pl.Series(v) for k, v in named.items()})
        )

    schedule = [fold for fold in folds(dataset, REFIT_EVERY, judged=False) if fold.stop > fold.start]
    WalkForward(dataset, schedule, candidates, REFIT_EVERY).run(take)
    whole = dataset.panel.frame.select("symbol", "session")
    for parts in found.values():
        whole = whole.join(pl.concat(parts), on=["symbol", "session"], how="left", maintain_order="left")
    return whole


def _remembered(function: laws.FeatureFunction) -> laws.FeatureFunction:
    """Return the function, keeping its answer for the frame that every law asks about first."""
    kept: dict[int, tuple[pl.DataFrame, pl.DataFrame]] = {}

    def call(bars: pl.DataFrame) -> pl.DataFrame:
        if id(bars) not in kept:
            made = function(bars)
            if kept:
                return made
            kept[id(bars)] = (bars, made)
        return kept[id(bars)][1]

    return call


def _replay(model: Model | None, bars: pl.DataFrame, exchanges: Exchanges, build: FeatureBuilder) -> list[str]:
    """Forecast the newest session from all bars and from the last ones alone: equal to the bit, or it says where."""
    if model is None:
        return []
    wrong: list[str] = []
    for exchange, own in by_exchange(bars, exchanges).items():
        whole = _newest(model, own, exchange, build)
        days = own["session"].unique().sort().tail(frame.MAX_WINDOW + model.lookback)
        short = _newest(model, own.filter(pl.col("session") >= days[0]), exchange, build)
        differing = [name for name in whole.columns if not whole[name].equals(short[name])]
        wrong += [f"{name} of version {model.card.version} from {len(days)} sessions" for name in differing[:1]]
    return [f"replay: differs when rebuilt: {one}" for one in wrong]


def _newest(model: Model, bars: pl.DataFrame, exchange: str, build: FeatureBuilder) -> pl.DataFrame:
    features = build(bars, calendar(exchange))
    return model.forecast(features).filter(pl.col("session") == pl.col("session").max())


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
        bars, chosen = simulated.market(seed, 110, 1500, edge), _named("random_walk", "ridge")
    else:
        bars, chosen = simulated.market(1000 + seed, 30, 900), CANDIDATES
    dataset = prepare(bars)
    first = folds(dataset)[0].start
    bounds = (first, *(first + part for part in _PARTS), len(dataset.panel.days))
    schedule = [Fold(number, start, stop) for number, (start, stop) in enumerate(pairwise(bounds))]
    judge = Judge(dataset)
    WalkForward(dataset, schedule, chosen, refit_every=1).run(judge)
    fitted = [one.name for one in chosen if one.location not in {"zero", "drift"}]
    return {name: gate.claim(judge.shared(name), tried(CANDIDATES)) for name in fitted}


def _named(*names: str) -> tuple[Candidate, ...]:
    return tuple(one for one in CANDIDATES if one.name in names)
