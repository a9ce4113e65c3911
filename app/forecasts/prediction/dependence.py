"""Partial dependence: what a version would say of today's symbols, were one of its features something else.

Friedman (2001): the feature is set to one value after another in the newest row of every symbol, all else stays, and
the forecasts are averaged. The values are quantiles of the feature over the last year.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import polars as pl

from app.core.clock import calendar
from app.core.db import Database
from app.core.errors import NotThere
from app.forecasts.prediction.distribution import expected_move
from app.forecasts.prediction.predict import MARGIN, market_of, window
from app.prices import store
from app.registry.components.panel import Panel
from app.registry.components.scale import LogLinearScale
from app.registry.versions.model import Model

POINTS: Final = 19
FEWEST: Final = 3
YEAR: Final = 250
_LEVELS: Final = np.linspace(0.025, 0.975, POINTS)


@dataclass(frozen=True)
class Point:
    """One value of the feature, and the mean over symbols of the move and of the simple return expected with it."""

    value: float
    expected_move: float
    predicted_return: float


@dataclass(frozen=True)
class Dependence:
    """What a version makes of one feature as of a session; `today` are the feature's quartiles in the newest rows."""

    feature: str
    as_of: date
    symbols: int
    today: tuple[float, float, float]
    points: tuple[Point, ...]


@dataclass(frozen=True, eq=False)
class Ground:
    """What dependences are worked out on: the newest row of each symbol, and each feature's quantiles over a year."""

    as_of: date
    rows: pl.DataFrame
    state: pl.DataFrame
    values: Mapping[str, tuple[float, ...]]


def ground(database: Database, model: Model) -> Ground:
    """Read the newest year of the symbols that a version learnt from, on the exchange that most of them have.

    Errors: `NotThere` for a version that reads no features, or none of whose symbols has prices.
    """
    if not isinstance(model.pipeline.base_scale, LogLinearScale):
        raise NotThere(f"version {model.card.version} reads no features: nothing depends on one")
    with database.read() as db:
        exchanges, events = store.exchanges(db), store.events(db)
        last = {one.symbol: one.last for one in store.statuses(db) if one.last is not None}
    known = [symbol for symbol in model.card.symbols if symbol in last]
    if not known:
        raise NotThere(f"none of the symbols that version {model.card.version} learnt from has prices here")
    exchange = Counter(exchanges[symbol] for symbol in known).most_common(1)[0][0]
    members = [symbol for symbol in known if exchanges[symbol] == exchange]
    as_of, days = max(last[symbol] for symbol in members), calendar(exchange)
    start = days.sessions[max(bisect_right(days.sessions, as_of) - window(model) - YEAR - MARGIN, 0)]
    bars = store.panel(database, sorted(members), start, as_of)
    market, features = market_of(bars, bars, days, model, events, store.series(database, start, as_of))
    warm = features.filter("warm")
    year = warm.filter(pl.col("session") > warm["session"].unique().sort().tail(YEAR + 1)[0])
    newest = warm.filter(session=as_of)
    if newest.is_empty():
        raise NotThere(f"no symbol of version {model.card.version} has the history that its features need")
    return Ground(as_of, newest, market.state, {name: _quantiles(year[name]) for name in model.card.features})


def dependence(found: Ground, model: Model, feature: str) -> Dependence:
    """Return the dependence on one feature. Errors: `NotThere` for a feature that the version doesn't read."""
    if feature not in found.values:
        raise NotThere(f"version {model.card.version} reads no feature {feature!r}; its card lists those it reads")
    points = [_point(found, model, feature, value) for value in found.values[feature]]
    known = found.rows[feature].drop_nulls().drop_nans()
    quartiles = np.quantile(known.to_numpy(), (0.25, 0.5, 0.75)) if len(known) else np.zeros(3)
    low, middle, high = map(float, quartiles)
    return Dependence(feature, found.as_of, found.rows.height, (low, middle, high), tuple(points))


def _point(found: Ground, model: Model, feature: str, value: float) -> Point:
    rows = found.rows.with_columns(pl.lit(value, dtype=found.rows.schema[feature]).alias(feature))
    made = model.pipeline.compute(Panel(rows, found.state))
    moves = [expected_move(closes, 1.0) for closes in np.exp(made.quantiles).tolist()]
    return Point(value, float(np.mean(moves)), float(np.expm1(made.location).mean()))


def _quantiles(values: pl.Series) -> tuple[float, ...]:
    """Return the feature's quantiles, each value once; of a flag that is rarely up its own values, some of them."""
    known = values.drop_nulls().drop_nans().to_numpy()
    if not len(known):
        return ()
    found = np.unique(np.quantile(known, _LEVELS))
    if len(found) < FEWEST:
        own = np.unique(known)
        found = own[np.unique(np.linspace(0, len(own) - 1, POINTS).astype(int))]
    return tuple(found.tolist())
