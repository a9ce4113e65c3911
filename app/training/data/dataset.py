"""What a contest learns from: the feature frame of the whole panel beside its target, ordered for walking forward.

Each exchange is a market of its own, with its calendar and its symbols, as in serving: a row here is bit-equal to the
one that is served. The exchanges' rows are then stacked on one axis of dates, and learnt from together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import DTypeLike, NDArray

from app.core.clock import DEFAULT_EXCHANGE, calendar
from app.core.db import Database
from app.core.errors import NoHistory
from app.features import frame, target
from app.prices import store
from app.prices.frame import EVENT_SCHEMA
from app.prices.symbols import SERIES_MARK
from app.registry.components.history import WINDOW
from app.registry.components.panel import Array, Index, Panel
from app.registry.versions.pipeline import Computed, Pipeline
from app.training.data.candidates import NEEDED

_EMPTY = "the store holds no final bars: run `nextclose refresh` or `nextclose import FILE` first"
LEARN_AFTER = 66
"""A symbol's first sessions teach nothing: its own volatility isn't known yet."""


class Part(NamedTuple):
    """Rows of one market as a panel of their own, and where they stand in the dataset."""

    panel: Panel
    rows: Index


@dataclass(frozen=True, eq=False)
class Dataset:
    """The panel's rows, sorted by (symbol, session); `target` is NaN where the next session's close isn't known.

    `market` is the number of each row's exchange among `exchanges`.
    """

    panel: Panel
    target: Array
    fingerprint: str
    market: Index
    exchanges: tuple[str, ...]

    @cached_property
    def usable(self) -> NDArray[np.bool_]:
        """Rows to judge by: every feature, a year of returns, and a known target."""
        warm = self.panel.frame["warm"].to_numpy()
        return warm & (self.panel.row >= WINDOW) & np.isfinite(self.target)

    @cached_property
    def forward(self) -> Index:
        """The rows to learn from in order of session, then symbol: what was known first stands first.

        They have a known target and a quarter's history; a longer window that isn't full yet stands at its mean.
        """
        rows = np.flatnonzero(np.isfinite(self.target) & (self.panel.row >= LEARN_AFTER) & self.traded)
        return rows[np.lexsort((self.panel.symbol[rows], self.panel.day[rows]))]

    @cached_property
    def traded(self) -> NDArray[np.bool_]:
        """Rows whose close moved, then or on the next session: a suspended symbol's zeros would narrow all bands."""
        found: NDArray[np.bool_] = (self.target != 0.0) | (self.panel.realised != 0.0)
        return found

    @cached_property
    def market_session(self) -> Index:
        """The number of each row's session on its own exchange: what its symbols share."""
        return self.market * len(self.panel.days) + self.panel.day

    @cached_property
    def settled_on(self) -> Index:
        """The number of the session by which each row's target is known; one past the last where it isn't yet."""
        return np.searchsorted(self.panel.days, self.panel.frame["next_session"].to_numpy())

    @cached_property
    def settled(self) -> Index:
        """For each session, the number of the first one with a row whose target isn't known before it.

        One less than the session's own, and further back over an exchange's holidays where others traded.
        """
        latest = np.zeros(len(self.panel.days), dtype=np.intp)
        np.maximum.at(latest, self.panel.day, self.settled_on)
        return np.searchsorted(np.maximum.accumulate(latest), np.arange(len(latest) + 1))

    @cached_property
    def known(self) -> Index:
        """For each session, how many rows of `forward` may be learnt from at its close.

        Purge of one session: the target's session lies before it, so no label shares a return with the rows judged.
        """
        return np.searchsorted(self.panel.day[self.forward], self.settled)

    def matrix(self, names: tuple[str, ...], dtype: DTypeLike = np.float64) -> NDArray[Any]:
        """Return features as an array over `forward`, one row each, contiguous."""
        found = np.empty((len(self.forward), len(names)), dtype)
        for place, name in enumerate(names):
            found[:, place] = self.panel.frame[name].cast(pl.Float64).to_numpy()[self.forward]
        return found

    def session(self, day: int) -> date:
        """Return the date of a session's number."""
        found: date = self.panel.days[day].item()
        return found

    def between(self, first: int, stop: int, lookback: int = 0) -> list[Part]:
        """Return the rows of sessions first … stop - 1 by market, and what they look back on.

        That are the `lookback` sessions of the exchange before, and as many rows of each symbol traded since then: one
        that lacks sessions reads further back.
        """
        panel = self.panel
        early = np.bincount(panel.symbol[panel.day < first], minlength=len(panel.names))
        near = panel.row >= (early - lookback)[panel.symbol]
        parts = []
        for number in range(len(self.exchanges)):
            here = self.market == number
            own = np.flatnonzero(np.bincount(panel.day[here]))
            start, end = np.searchsorted(own, (first, stop))
            if end > start:
                begin = own[max(0, start - lookback)]
                since = panel.day >= begin
                traded = np.bincount(panel.symbol[since], minlength=len(panel.names)) > 0
                rows = np.flatnonzero(here & (panel.day < stop) & (since | (near & traded[panel.symbol])))
                parts.append(Part(Panel(panel.frame[rows]), rows))
        return parts

    def forecast(self, pipeline: Pipeline, since: date) -> Computed:
        """Forecast every row from session `since` on."""
        days = self.panel.days
        first = int(np.searchsorted(days, np.datetime64(since)))
        return self.compute(pipeline, self.between(first, len(days), pipeline.lookback), since)

    def compute(self, pipeline: Pipeline, parts: list[Part], since: date) -> Computed:
        """Forecast the rows of all parts from session `since` on, each market by itself, in the dataset's order."""
        made = [pipeline.compute(part.panel, since) for part in parts]
        rows = np.concatenate([part.rows[one.rows] for part, one in zip(parts, made, strict=True)])
        order = np.argsort(rows)
        figures = (np.concatenate(kind)[order] for kind in zip(*(one[1:] for one in made), strict=True))
        return Computed(rows[order], *figures)


FeatureBuilder = Callable[..., pl.DataFrame]
"""What turns bars into features: `features.frame.build`, or in a test one with a leak planted."""


def prepare(
    bars: pl.DataFrame,
    exchanges: Mapping[str, str] | None = None,
    build: FeatureBuilder = frame.build,
    events: pl.DataFrame | None = None,
    series: pl.DataFrame | None = None,
) -> Dataset:
    """Build features and targets from a bar frame; raises `NoHistory` when there is nothing to learn from.

    `exchanges` says where a symbol trades: New York, where it doesn't say. `events` and `series` are what features
    read besides; a series among the bars is no symbol to learn from, and left out.
    """
    bars = bars.filter(~pl.col("symbol").str.starts_with(SERIES_MARK))
    if bars.is_empty():
        raise NoHistory(_EMPTY)
    made: list[pl.DataFrame] = []
    found = by_exchange(bars, exchanges or {})
    for number, (exchange, own) in enumerate(found.items()):
        days = calendar(exchange)
        returns = target.target_return(own, days)["return_log"].fill_null(np.nan)
        made.append(
            build(own, days, names=NEEDED, events=events, series=series).with_columns(returns, market=pl.lit(number))
        )
    whole = made[0] if len(made) == 1 else pl.concat(made).sort("symbol", "session")
    return Dataset(
        panel=Panel(whole.drop("return_log", "market")),
        target=whole["return_log"].to_numpy().copy(),
        fingerprint=dataset_fingerprint(bars, found, events, series),
        market=whole["market"].to_numpy().astype(np.intp),
        exchanges=tuple(found),
    )


def by_exchange(bars: pl.DataFrame, exchanges: Mapping[str, str]) -> dict[str, pl.DataFrame]:
    """Return each exchange's own bars, by its code, in order."""
    symbols = bars["symbol"].unique().sort().to_list()
    listed = {symbol: exchanges.get(symbol, DEFAULT_EXCHANGE) for symbol in symbols}
    names = sorted(set(listed.values()))
    if len(names) == 1:
        return {names[0]: bars}
    return {
        name: bars.filter(pl.col("symbol").is_in([symbol for symbol in symbols if listed[symbol] == name]))
        for name in names
    }


def dataset_fingerprint(
    bars: pl.DataFrame,
    exchanges: Mapping[str, pl.DataFrame],
    events: pl.DataFrame | None = None,
    series: pl.DataFrame | None = None,
) -> str:
    """Return the sha256 over exchanges, symbols, sessions and values of all that was learnt from."""
    digest = hashlib.sha256()
    for exchange, own in exchanges.items():
        digest.update(f"{exchange} {' '.join(own['symbol'].unique().sort())}\n".encode())
    for table, names in ((bars, _OF_BARS), (events, tuple(EVENT_SCHEMA)), (series, _OF_BARS)):
        if table is not None and not table.is_empty():
            for name in names:
                digest.update(name.encode() + _bytes(table[name]))
    return digest.hexdigest()


_OF_BARS = ("symbol", "session", "open", "high", "low", "close", "volume")


def _bytes(column: pl.Series) -> bytes:
    if column.dtype == pl.String:
        return "\n".join(column.to_list()).encode()
    return column.to_physical().fill_null(0).to_numpy().tobytes()


def newest_session(database: Database) -> date:
    """Return the session of the newest stored bar; raises `NoHistory` where there is none."""
    with database.read() as db:
        sessions = [bar.session for bar in store.last_bars(db).values()]
    if not sessions:
        raise NoHistory(_EMPTY)
    return max(sessions)


def stored_dataset(database: Database, start: date | None, end: date | None = None) -> Dataset:
    """Prepare the stored final bars of a span of sessions; raises `NoHistory` where there are none."""
    with database.read() as db:
        exchanges, events = store.exchanges(db), store.events(db)
    bars, series = store.panel(database, start=start, end=end), store.series(database, start, end)
    return prepare(bars, exchanges, events=events, series=series)
