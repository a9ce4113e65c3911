"""Newest: every symbol's outlook as of its last bar, computed once per state of the store and model."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from app.core.db import Database
from app.forecasts.outlook import Survey, first_session, survey, window
from app.prices import store
from app.prices.store import LastBar
from app.registry.model import Model


@dataclass(frozen=True)
class Known:
    """The outlooks by one model on one state of the store, and the facts of the bars they end at."""

    state: tuple[str, str]
    survey: Survey
    last: Mapping[str, LastBar]
    exchanges: Mapping[str, str]


class Newest:
    """Keeps the last answer; thread-safe: while one thread computes, the others wait for its result."""

    def __init__(self, database: Database) -> None:
        """Keep the database; nothing is read before the first question."""
        self._database = database
        self._known: Known | None = None
        self._computing = threading.Lock()

    def of(self, model: Model) -> Known:
        """Return the outlooks on the store as it is now; a refresh in between is seen by the next question."""
        with self._computing:
            with self._database.read() as db:
                state = (store.data_version(db), model.card.version)
            if self._known is None or self._known.state != state:
                self._known = self._compute(model, state)
            return self._known

    def _compute(self, model: Model, state: tuple[str, str]) -> Known:
        with self._database.read() as db:
            last, statuses = store.last_bars(db), store.statuses(db)
        exchanges = {one.symbol: one.exchange for one in statuses}
        start = first_session({symbol: bar.session for symbol, bar in last.items()}, exchanges, model)
        bars = store.panel(self._database, start=start)
        if start is not None and _is_cut_short(bars, last, window(model)):
            bars = store.panel(self._database)
        return Known(state, survey(bars, exchanges, model), last, exchanges)


def _is_cut_short(bars: pl.DataFrame, last: Mapping[str, LastBar], wanted: int) -> bool:
    """Say whether some symbol has more bars that count than were read, because it lacks many sessions."""
    read = dict(bars.group_by("symbol").len().iter_rows())
    return any(read.get(symbol, 0) < min(wanted, bar.bars) for symbol, bar in last.items())
