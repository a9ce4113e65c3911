"""Predict: what a model says of symbols' next closes, from what is given alone; pure, so that it can be repeated.

Given are bars, the earnings days that were known, and the bars of market series; without the latter two, less is known.

The market of an exchange are those of its symbols that the model was trained on: whoever asks for the forecast of a
stranger moves nobody else's. What the market contributes (its context by session, and what the model's online
correction learnt from it) is worked out once; a symbol's prediction then needs its own last bars only, and comes out
the same to the bit.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from math import exp, isfinite
from typing import Final, cast

import polars as pl

from app.core.clock import DEFAULT_EXCHANGE, Calendar, calendar
from app.features import frame
from app.forecasts.ledger.forecast import Prediction
from app.registry.components.levels import QUANTILE_NAMES
from app.registry.versions.model import Model

MARGIN: Final = 60
"""Sessions that a symbol may lack within the window before the whole history is read for it."""


@dataclass(frozen=True)
class Market:
    """What all symbols of one exchange share in their predictions, by session: context, market series, model state.

    `is_fixed` says that all of them are the model's own; on an exchange that it doesn't know, they are all there is.
    """

    context: pl.DataFrame
    series: pl.DataFrame | None
    state: pl.DataFrame
    is_fixed: bool


@dataclass(frozen=True)
class Predictions:
    """The prediction of each symbol that has enough history, each exchange's market, and who is ahead of it."""

    by_symbol: Mapping[str, Prediction]
    markets: Mapping[str, Market]
    ahead: frozenset[str]


def predict_all(
    bars: pl.DataFrame,
    exchanges: Mapping[str, str],
    model: Model,
    events: pl.DataFrame | None = None,
    series: pl.DataFrame | None = None,
) -> Predictions:
    """Return the prediction of every symbol of a bar frame as of its last bar.

    One that isn't warm, or whose prediction isn't finite, is left out. One that is ahead of its market (nobody else's
    bar of its last session is there yet) takes all symbols of its exchange for the market.
    """
    found: list[Prediction] = []
    markets: dict[str, Market] = {}
    ahead: set[str] = set()
    listed = bars.with_columns(exchange=pl.col("symbol").replace_strict(exchanges, default=DEFAULT_EXCHANGE))
    for (exchange,), group in listed.sort("symbol", "session").group_by("exchange", maintain_order=True):
        days, own = calendar(str(exchange)), group.drop("exchange")
        members = own.filter(pl.col("symbol").is_in(model.card.symbols))
        of_market = partial(market_of, own, days=days, model=model, events=events, series=series)
        market, features = of_market(own if members.is_empty() else members)
        markets[str(exchange)] = replace(market, is_fixed=not members.is_empty())
        found += _predictions(features, market, model)
        early = _last_rows(own).join(market.context, on="session", how="anti")["symbol"]
        if len(early):
            market, features = of_market(own)
            found += _predictions(features.filter(pl.col("symbol").is_in(early.implode())), market, model)
            ahead.update(early)
    return Predictions({one.symbol: one for one in found}, markets, frozenset(ahead))


def predict_one(
    bars: pl.DataFrame, exchange: str, market: Market, model: Model, events: pl.DataFrame | None = None
) -> Prediction | None:
    """Return the prediction of the one symbol of a bar frame, given its market.

    None where it isn't warm, or is ahead of its market.
    """
    newest = _own_lookback(model) == 0
    build = partial(frame.build, names=names_of(model), events=events, series=market.series)
    features = build(bars, calendar(exchange), market.context, newest=newest)
    return next(_predictions(features, market, model), None)


def first_session(last: Mapping[str, date], exchanges: Mapping[str, str], model: Model) -> date | None:
    """Return from which session on bars are needed to predict symbols with these last bars; None: from all."""
    starts: list[date] = []
    for symbol, session in last.items():
        sessions = calendar(exchanges.get(symbol, DEFAULT_EXCHANGE)).sessions
        at = bisect_right(sessions, session) - window(model) - MARGIN
        if at < 0:
            return None
        starts.append(sessions[at])
    return min(starts, default=None)


def window(model: Model) -> int:
    """Return how many bars of each symbol decide about a prediction."""
    return frame.MAX_WINDOW + model.pipeline.lookback


def own_window(model: Model) -> int:
    """Return how many bars of the symbol itself decide, given its market."""
    return frame.MAX_WINDOW + _own_lookback(model)


def _own_lookback(model: Model) -> int:
    """Return how many earlier rows of the symbol's features the model reads, its state given."""
    pipeline = model.pipeline
    return max(pipeline.scale.lookback, pipeline.shape.lookback, pipeline.location.lookback)


def names_of(model: Model) -> tuple[str, ...]:
    """Return the features that the model reads and the feature frame has."""
    return tuple(name for name in model.card.features if name in frame.FEATURE_NAMES)


def market_of(
    bars: pl.DataFrame,
    members: pl.DataFrame,
    days: Calendar,
    model: Model,
    events: pl.DataFrame | None,
    series: pl.DataFrame | None,
) -> tuple[Market, pl.DataFrame]:
    """Return the market that the bars of its members make, and the features of all bars in it."""
    context = frame.market(members)
    features = frame.build(bars, days, context, names=names_of(model), events=events, series=series)
    inside = features.filter(pl.col("symbol").is_in(members["symbol"].unique().implode()))
    return Market(context, series, model.pipeline.state(inside), is_fixed=False), features


def _last_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """Return each symbol's last row of a frame that is sorted by (symbol, session)."""
    return rows if rows.height == 1 else rows.group_by("symbol", maintain_order=True).last()


def _predictions(features: pl.DataFrame, market: Market, model: Model) -> Iterator[Prediction]:
    """Yield the prediction as of each symbol's last row."""
    last = _last_rows(features)
    since = cast("date", last["session"].min())
    made = model.pipeline.forecast(features if _own_lookback(model) else last, since, market.state)
    names = names_of(model)
    for row in _joined(last, made).iter_rows(named=True):
        close, returns = float(row["close"]), [float(row[name]) for name in QUANTILE_NAMES]
        if not all(map(isfinite, (row["return_log"], row["sigma"], row["prob_up"], *returns))):
            continue
        yield Prediction(
            symbol=row["symbol"],
            as_of=row["session"],
            target_session=row["next_session"],
            last_close=close,
            predicted_close=close * exp(row["return_log"]),
            predicted_return=exp(row["return_log"]) - 1.0,
            prob_up=row["prob_up"],
            sigma=row["sigma"],
            quantiles=tuple(close * exp(one) for one in returns),
            feature_fingerprint=frame.fingerprint({name: row[name] for name in names}),
        )


def _joined(last: pl.DataFrame, made: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of `last` that have a forecast, with it; one row needs no join, which costs a millisecond."""
    key = ["symbol", "session"]
    if last.height == made.height == 1:
        return last.hstack(made.drop(key))
    return last.join(made, on=key, how="inner", maintain_order="left")
