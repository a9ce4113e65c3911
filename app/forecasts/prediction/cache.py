"""The cache of predictions: computed once for each state of bars, earnings days, the market and the model."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import polars as pl

from app.core.db import Database
from app.forecasts.ledger.forecast import Prediction
from app.forecasts.prediction.predict import (
    Market,
    Predictions,
    first_session,
    own_window,
    predict_all,
    predict_one,
    window,
)
from app.prices import store
from app.prices.store import LastBar
from app.prices.symbols import is_series
from app.registry.versions.model import Model

ONE_BY_ONE = 10
"""Up to so many symbols are computed each from its own bars; for more, the panel of all is quicker."""

Versions = Mapping[str, int]


@dataclass(frozen=True)
class Cached:
    """What was computed last: by which model, from which versions of the symbols' bars and of earnings days.

    A symbol that was ahead of its market has no version here: its prediction isn't kept, for others may catch up.
    """

    model_version: str
    versions: Versions
    events_version: str
    predictions: Predictions

    def is_of(self, model: Model, versions: Versions, events_version: str) -> bool:
        """Say whether it is by this model, on earnings days and markets that haven't changed since."""
        fixed = all(market.is_fixed for market in self.predictions.markets.values())
        known = {*versions, *self.versions}
        symbols = {*model.card.symbols, *filter(is_series, known)} if fixed else known
        is_same = (self.model_version, self.events_version) == (model.card.version, events_version)
        return is_same and all(self.versions.get(symbol) == versions.get(symbol) for symbol in symbols)


class PredictionCache:
    """Keeps what it computed; thread-safe: while one thread computes, the others wait for its result."""

    def __init__(self, database: Database) -> None:
        """Keep the database; nothing is read before the first question."""
        self._database = database
        self._cached: Cached | None = None
        self._computing = threading.Lock()

    def of(self, model: Model, symbols: Iterable[str]) -> Mapping[str, Prediction]:
        """Return the predictions of these symbols that have one, on the store as it is now."""
        with self._computing:
            with self._database.read() as db:
                versions, events_version = store.symbol_versions(db), store.events_version(db)
            cached = self._cached
            changed = [one for one in symbols if cached is None or cached.versions.get(one) != versions.get(one)]
            if cached is None or not cached.is_of(model, versions, events_version) or len(changed) > ONE_BY_ONE:
                cached = self._all(model, versions, events_version)
            elif changed:
                cached = self._one_by_one(model, versions, cached, changed)
            self._cached = cached
            return cached.predictions.by_symbol

    def _all(self, model: Model, versions: Versions, events_version: str) -> Cached:
        with self._database.read() as db:
            last, exchanges, events = store.last_bars(db), store.exchanges(db), store.events(db)
        start = first_session({symbol: bar.session for symbol, bar in last.items()}, exchanges, model)
        bars = store.panel(self._database, start=start)
        if start is not None and _is_cut_short(bars, last, window(model)):
            bars = store.panel(self._database)
        made = predict_all(bars, exchanges, model, events, store.series(self._database, start=start))
        kept = {symbol: version for symbol, version in versions.items() if symbol not in made.ahead}
        return Cached(model.card.version, kept, events_version, made)

    def _one_by_one(self, model: Model, versions: Versions, cached: Cached, symbols: Iterable[str]) -> Cached:
        predictions, seen = dict(cached.predictions.by_symbol), dict(cached.versions)
        for symbol in symbols:
            made = self._one(model, cached.predictions.markets, symbol)
            if made is None:
                return self._all(model, versions, cached.events_version)
            predictions[symbol], seen[symbol] = made, versions[symbol]
        return replace(cached, versions=seen, predictions=replace(cached.predictions, by_symbol=predictions))

    def _one(self, model: Model, markets: Mapping[str, Market], symbol: str) -> Prediction | None:
        """Compute one symbol from its own last bars; None where that isn't enough."""
        with self._database.read() as db:
            bars, events = store.history(db, symbol, last=own_window(model)), store.events(db, [symbol])
            exchange = store.status(db, symbol).exchange
        market = markets.get(exchange)
        return None if market is None else predict_one(bars, exchange, market, model, events)


def _is_cut_short(bars: pl.DataFrame, last: Mapping[str, LastBar], wanted: int) -> bool:
    """Say whether some symbol has more bars that count than were read, because it lacks many sessions."""
    read = dict(bars.group_by("symbol").len().iter_rows())
    return any(read.get(symbol, 0) < min(wanted, bar.bars) for symbol, bar in last.items())
