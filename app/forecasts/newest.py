"""Newest: symbols' outlooks as of their last bars, computed once for each state of their bars, market and model."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import polars as pl

from app.core.clock import DEFAULT_EXCHANGE
from app.core.db import Database
from app.forecasts.outlook import Outlook, Survey, first_session, outlook, own_window, survey, window
from app.prices import store
from app.prices.store import LastBar
from app.registry.versions.model import Model

ONE_BY_ONE = 10
"""Up to so many symbols are computed each from its own bars; for more, the panel of all is quicker."""

Versions = Mapping[str, int]


@dataclass(frozen=True)
class Known:
    """What was computed last: by which model, from which versions of the symbols' bars.

    A symbol that was ahead of its market has no version here: its outlook isn't kept, for others may catch up.
    """

    model_version: str
    versions: Versions
    survey: Survey

    def is_of(self, model: Model, versions: Versions) -> bool:
        """Say whether it is by this model, on markets that haven't changed since."""
        fixed = all(market.is_fixed for market in self.survey.markets.values())
        symbols = model.card.symbols if fixed else {*versions, *self.versions}
        return self.model_version == model.card.version and all(
            self.versions.get(symbol) == versions.get(symbol) for symbol in symbols
        )


class Newest:
    """Keeps what it computed; thread-safe: while one thread computes, the others wait for its result."""

    def __init__(self, database: Database) -> None:
        """Keep the database; nothing is read before the first question."""
        self._database = database
        self._known: Known | None = None
        self._computing = threading.Lock()

    def of(self, model: Model, symbols: Iterable[str]) -> Mapping[str, Outlook]:
        """Return the outlooks of these symbols that have one, on the store as it is now."""
        with self._computing:
            with self._database.read() as db:
                versions = store.symbol_versions(db)
            known = self._known
            changed = [one for one in symbols if known is None or known.versions.get(one) != versions.get(one)]
            if known is None or not known.is_of(model, versions) or len(changed) > ONE_BY_ONE:
                known = self._survey(model, versions)
            elif changed:
                known = self._one_by_one(model, versions, known, changed)
            self._known = known
            return known.survey.outlooks

    def _survey(self, model: Model, versions: Versions) -> Known:
        with self._database.read() as db:
            last, statuses = store.last_bars(db), store.statuses(db)
        exchanges = {one.symbol: one.exchange for one in statuses}
        start = first_session({symbol: bar.session for symbol, bar in last.items()}, exchanges, model)
        bars = store.panel(self._database, start=start)
        if start is not None and _is_cut_short(bars, last, window(model)):
            bars = store.panel(self._database)
        made = survey(bars, exchanges, model)
        kept = {symbol: version for symbol, version in versions.items() if symbol not in made.ahead}
        return Known(model.card.version, kept, made)

    def _one_by_one(self, model: Model, versions: Versions, known: Known, symbols: Iterable[str]) -> Known:
        outlooks = dict(known.survey.outlooks)
        seen = dict(known.versions)
        for symbol in symbols:
            made = self._one(model, known.survey, symbol)
            if made is None:
                return self._survey(model, versions)
            outlooks[symbol], seen[symbol] = made, versions[symbol]
        return replace(known, versions=seen, survey=replace(known.survey, outlooks=outlooks))

    def _one(self, model: Model, surveyed: Survey, symbol: str) -> Outlook | None:
        """Compute one symbol from its own last bars; None where that isn't enough."""
        with self._database.read() as db:
            bars = store.history(db, symbol, last=own_window(model))
            exchange = store.status(db, symbol).exchange
        market = surveyed.markets.get(exchange or DEFAULT_EXCHANGE)
        return None if market is None else outlook(bars, exchange, market, model)


def _is_cut_short(bars: pl.DataFrame, last: Mapping[str, LastBar], wanted: int) -> bool:
    """Say whether some symbol has more bars that count than were read, because it lacks many sessions."""
    read = dict(bars.group_by("symbol").len().iter_rows())
    return any(read.get(symbol, 0) < min(wanted, bar.bars) for symbol, bar in last.items())
