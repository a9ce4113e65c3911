"""Whether anything leaks from the future: the stored bars are cut and changed, and what was known must stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from time import perf_counter

import polars as pl

from app.core.clock import DEFAULT_EXCHANGE, calendar
from app.core.db import Database
from app.core.errors import NoHistory
from app.core.progress import Progress, silent
from app.core.public import counted
from app.core.settings import Settings
from app.features import frame, laws
from app.prices import store
from app.prices.symbols import is_series
from app.registry.components.levels import QUANTILE_NAMES
from app.registry.promotion.champion import Champion
from app.registry.versions.model import Model
from app.training.data.candidates import CANDIDATES, Candidate
from app.training.data.dataset import LEARN_AFTER, FeatureBuilder, by_exchange, prepare
from app.training.data.folds import FEWEST_SESSIONS, LEARN_SESSIONS, folds
from app.training.fitting.fits import REFIT_LOCATIONS_EVERY
from app.training.fitting.location import TREE_KINDS
from app.training.proofs.proof import Proof
from app.training.walk_forward.walk_forward import FoldForecast, WalkForward

Exchanges = Mapping[str, str]

SYMBOLS, SESSIONS, REFIT_EVERY = 5, 700, 63
"""The stored bars that the proof works on: the symbols with the longest history, their latest sessions."""
CUT = 0.87
"""Where the bars are cut or changed within a fold, as a share of the sample's sessions."""


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
    bars, exchanges, events = _sample(database)
    series = store.series(database)
    days = bars["session"].unique().sort().to_list()
    cuts = [days[_last_fit(len(days))], days[int(CUT * len(days))]]
    champion = model or Champion(settings).current()
    checks = _checks(champion, bars, exchanges, cuts, _informed(build, events, series))
    of_events = _remembered(lambda known: _forecasts(_informed(build, known, series), exchanges, CANDIDATES, bars))
    closes = {cuts[-1]: calendar(exchanges.get(bars["symbol"][0], DEFAULT_EXCHANGE)).close_at(cuts[-1])}
    checks.append(("forecasts, earnings days first seen later", lambda: laws.forgetting(of_events, events, closes)))
    broken, held = [], []
    for number, (name, check) in enumerate(checks):
        progress(number / len(checks), name)
        found = check()
        broken += [str(breach) for breach in found]
        held += [] if found else [f"{name}: holds"]
    progress(1.0, "leakage: done")
    return Proof("leakage", not broken, (*broken, *held), round(perf_counter() - begun, 2))


def fits_ahead(bars: pl.DataFrame, build: FeatureBuilder = frame.build) -> Sequence[laws.Breach]:
    """Walk all bars, and those up to the start of a fold where everything is fitted anew: forecasts must stay.

    Whatever learns, calibrates or is trusted by what comes after the fold's start differs: there it isn't known.
    """
    days = bars["session"].unique().sort()
    forecasts = _remembered(partial(_forecasts, build, {}, CANDIDATES))
    return laws.truncation(forecasts, bars, [days[_last_fit(len(days))]])


def _last_fit(sessions: int) -> int:
    """Return the last session that starts a fold at which locations are fitted too, or any where none is as late."""
    starts = range(0, sessions, REFIT_EVERY)
    every = REFIT_EVERY * REFIT_LOCATIONS_EVERY
    calibrated = LEARN_AFTER + LEARN_SESSIONS + FEWEST_SESSIONS
    return max((start for start in starts if start >= calibrated and start % every == 0), default=starts[-1])


def _checks(
    model: Model | None, bars: pl.DataFrame, exchanges: Exchanges, cuts: Sequence[date], build: FeatureBuilder
) -> list[tuple[str, Callable[[], Sequence[object]]]]:
    features = _remembered(partial(_features, build, exchanges))
    forecasts = _remembered(partial(_forecasts, build, exchanges, CANDIDATES))
    plain = tuple(one for one in CANDIDATES if one.location not in TREE_KINDS and not one.parts)
    linear = _remembered(partial(_forecasts, build, exchanges, plain))
    n = f"{counted(bars['symbol'].n_unique(), 'symbol')}, {counted(bars['session'].n_unique(), 'session')}"
    return [
        (
            f"features, truncation at {counted(len(cuts), 'session')} ({n})",
            lambda: laws.truncation(features, bars, cuts),
        ),
        (f"features, later bars times 1000 ({n})", lambda: laws.mutation(features, bars, cuts)),
        ("features, prices times 7", lambda: laws.unit(features, bars)),
        ("forecasts of every candidate, truncation", lambda: laws.truncation(forecasts, bars, cuts)),
        ("forecasts of every candidate, later bars times 1000", lambda: laws.mutation(forecasts, bars, cuts[-1:])),
        ("forecasts, prices times 7", lambda: laws.unit(linear, bars)),
        ("the newest forecast, rebuilt from the shortest history", lambda: _replay(model, bars, exchanges, build)),
    ]


def _informed(build: FeatureBuilder, events: pl.DataFrame, series: pl.DataFrame) -> FeatureBuilder:
    """Return a builder that knows these earnings days and market series, whatever becomes of the bars."""
    return lambda *args, **chosen: build(*args, **{**chosen, "events": events, "series": series})


def _sample(database: Database) -> tuple[pl.DataFrame, Exchanges, pl.DataFrame]:
    """Return the latest sessions of the symbols with the most bars, where they trade, and their earnings days.

    Errors: `NoHistory` when they are too few.
    """
    with database.read() as db:
        known, exchanges, events = store.last_bars(db), store.exchanges(db), store.events(db)
    symbols = [symbol for symbol in known if not is_series(symbol)]
    longest = sorted(symbols, key=lambda symbol: (-known[symbol].bars, symbol))[:SYMBOLS]
    bars = store.panel(database, symbols=longest)
    days = bars["session"].unique().sort()
    if len(days) < LEARN_AFTER + LEARN_SESSIONS + 3 * REFIT_EVERY:
        raise NoHistory(f"{counted(len(days), 'session')} of bars stored; the proof needs about two years of them")
    own = events.filter(pl.col("symbol").is_in(longest))
    return bars.filter(pl.col("session") >= days.tail(SESSIONS)[0]), exchanges, own


def _features(build: FeatureBuilder, exchanges: Exchanges, bars: pl.DataFrame) -> pl.DataFrame:
    made = [build(own, calendar(exchange)) for exchange, own in by_exchange(bars, exchanges).items()]
    return pl.concat(made).sort("symbol", "session").drop("close")


def _forecasts(
    build: FeatureBuilder, exchanges: Exchanges, candidates: tuple[Candidate, ...], bars: pl.DataFrame
) -> pl.DataFrame:
    """Return every candidate's out-of-fold forecasts, one column for each figure."""
    dataset = prepare(bars, exchanges, build)
    whole = dataset.panel.frame.select("symbol", "session")
    found: dict[str, list[pl.DataFrame]] = {}

    def take(made: FoldForecast) -> None:
        rows, location, sigma, quantiles = made.computed
        figures = {"return_log": location, "sigma": sigma, **dict(zip(QUANTILE_NAMES, quantiles.T, strict=True))}
        named = {f"{made.name}.{figure}": pl.Series(values) for figure, values in figures.items()}
        found.setdefault(made.name, []).append(whole[rows].with_columns(**named))

    schedule = folds(dataset, REFIT_EVERY, judged=False)[:-1]  # the last one serves, and forecasts nothing
    WalkForward(dataset, schedule, candidates, REFIT_EVERY).run(take)
    for parts in found.values():
        whole = whole.join(pl.concat(parts), on=["symbol", "session"], how="left", maintain_order="left")
    return whole


def _remembered(function: laws.FeatureFunction) -> laws.FeatureFunction:
    """Return the function, keeping its answer for the frame that every law asks about first."""
    first: list[tuple[pl.DataFrame, pl.DataFrame]] = []

    def call(bars: pl.DataFrame) -> pl.DataFrame:
        if not first:
            first.append((bars, function(bars)))
        return first[0][1] if bars is first[0][0] else function(bars)

    return call


def _replay(model: Model | None, bars: pl.DataFrame, exchanges: Exchanges, build: FeatureBuilder) -> list[str]:
    """Forecast the newest session from all bars and from the last ones alone: equal to the bit, or it says where."""
    if model is None:
        return []
    wrong: list[str] = []
    for exchange, own in by_exchange(bars, exchanges).items():
        whole = _newest(model, own, exchange, build)
        days = own["session"].unique().sort().tail(frame.MAX_WINDOW + model.pipeline.lookback)
        short = _newest(model, own.filter(pl.col("session") >= days[0]), exchange, build)
        differing = [name for name in whole.columns if not whole[name].equals(short[name])]
        wrong += [
            f"{name} of version {model.card.version} from {counted(len(days), 'session')}" for name in differing[:1]
        ]
    return [f"replay: differs when rebuilt: {one}" for one in wrong]


def _newest(model: Model, bars: pl.DataFrame, exchange: str, build: FeatureBuilder) -> pl.DataFrame:
    features = build(bars, calendar(exchange))
    return model.pipeline.forecast(features).filter(pl.col("session") == pl.col("session").max())
