"""Why a forecast is as wide as it is: what each feature adds, beside what it added over the last year.

The expected move is explained against the symbol's usual one. Each term of log sigma as of the forecast's session,
less its mean over the 250 sessions whose moves make the usual one, is a contribution; what is left (how the year's
moves came out beside their forecasts, and the shape of the distribution) is called `level`. So the list adds up.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from math import expm1, log
from typing import Final

import numpy as np
import polars as pl

from app.core.clock import calendar
from app.core.db import Database
from app.core.errors import NotThere
from app.forecasts.ledger.forecast import Forecast
from app.forecasts.prediction.predict import MARGIN, market_of, window
from app.forecasts.prediction.situation import USUAL_OVER, Situation
from app.prices import store
from app.registry.components.panel import Index, Panel
from app.registry.versions.drivers import HISTORY, LEVEL, TREES, log_sigma_terms, return_terms
from app.registry.versions.model import Model

REST: Final = "level"
FAMILIES: Final = (
    ("earnings_", "results days"),
    ("event_", "the company's own rhythm"),
    ("index_", "the volatility index"),
    ("market_", "the market's recent ranges"),
    ("volume_", "volume"),
    ("overnight_risk", "own moves overnight"),
    ("fall_", "own falls and rises"),
    ("rise_", "own falls and rises"),
    ("holiday_gap", "the calendar"),
    ("long_gap", "the calendar"),
    (LEVEL, "the market's last sessions beside their forecasts"),
    (TREES, "what trees add"),
    (HISTORY, "own returns"),
    (REST, "the year's moves beside their forecasts"),
)
OWN: Final = "own recent ranges"


@dataclass(frozen=True)
class Contribution:
    """What one feature adds; `family` groups features that say the same kind of thing."""

    feature: str
    family: str
    contribution: float


@dataclass(frozen=True)
class Explained:
    """A total and what it is made of, the largest contribution first; they add up."""

    total: float
    contributions: tuple[Contribution, ...]

    @property
    def by_family(self) -> tuple[tuple[str, float], ...]:
        """The contributions summed by family, the largest first."""
        sums: dict[str, float] = {}
        for one in self.contributions:
            sums[one.family] = sums.get(one.family, 0.0) + one.contribution
        return tuple(sorted(sums.items(), key=lambda pair: -abs(pair[1])))


@dataclass(frozen=True)
class Drivers:
    """What drives a forecast: `expected_move` is the log of it over the usual move, None where that isn't known."""

    expected_move: Explained | None
    predicted_return: Explained


def explain(database: Database, model: Model, forecast: Forecast, situation: Situation) -> Drivers:
    """Explain a forecast of this model; `NotThere` when the bars it was made from are no longer all there."""
    panel, rows = _panel(database, model, forecast)
    now, year = rows[-1:], rows[:-1]
    sigma = model.pipeline.sigma(panel)
    returns = {name: float(values[0]) for name, values in return_terms(model.pipeline, panel, now, sigma[now]).items()}
    move = None
    if situation.usual_move:
        here, before = (log_sigma_terms(model.pipeline, panel, some) for some in (now, year))
        terms = {name: float(here[name][0] - before[name].mean()) for name in here}
        total = log(situation.expected_move / situation.usual_move)
        move = _explained(terms | {REST: total - sum(terms.values())}, total)
    return Drivers(move, _simple(returns, forecast.predicted_return))


def _panel(database: Database, model: Model, forecast: Forecast) -> tuple[Panel, Index]:
    """Return features with all that the market teaches, and the symbol's rows of the last year up to the forecast."""
    with database.read() as db:
        exchanges, events = store.exchanges(db), store.events(db, at=forecast.made_at)
    exchange = exchanges[forecast.symbol]
    days = calendar(exchange)
    at = bisect_right(days.sessions, forecast.as_of) - window(model) - USUAL_OVER - MARGIN
    start = days.sessions[max(at, 0)]
    members = [symbol for symbol in model.card.symbols if exchanges.get(symbol) == exchange] or None
    wanted = None if members is None else sorted({*members, forecast.symbol})
    bars = store.panel(database, wanted, start, forecast.as_of)
    of_market = bars if members is None else bars.filter(pl.col("symbol").is_in(members))
    series = store.series(database, start, forecast.as_of)
    market, features = market_of(bars, of_market, days, model, events, series)
    own = features.filter(pl.col("symbol") == forecast.symbol)
    panel = Panel(own, market.state)
    rows = np.flatnonzero(own["warm"].to_numpy() & np.isfinite(model.pipeline.sigma(panel)))[-USUAL_OVER - 1 :]
    if len(rows) <= 1 or own["session"][int(rows[-1])] != forecast.as_of:
        raise NotThere(f"the bars that forecast {forecast.id} was made from are no longer in the store")
    return panel, rows


def _simple(terms: dict[str, float], total: float) -> Explained:
    """Turn terms of a log return into those of the simple one, which they add up to."""
    in_logs = sum(terms.values())
    factor = expm1(in_logs) / in_logs if in_logs else 1.0
    simple = {name: factor * value for name, value in terms.items()}
    rest = total - sum(simple.values())
    return _explained(simple | ({REST: rest} if abs(rest) > abs(total) * 1e-9 else {}), total)


def _explained(terms: dict[str, float], total: float) -> Explained:
    parts = [Contribution(name, _family(name), value) for name, value in terms.items()]
    return Explained(total, tuple(sorted(parts, key=lambda one: (-abs(one.contribution), one.feature))))


def _family(feature: str) -> str:
    return next((family for start, family in FAMILIES if feature.startswith(start)), OWN)
