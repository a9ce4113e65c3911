"""Scoring: a forecast meets its close, on the price basis it was made on; a score is written once.

A split after a forecast restates the whole history, so its `last_close` and the stored close of its target are on two
bases. The ratio of two stored closes is on one: realised = last_close * close(target) / close(as_of). When the source
revises one of the two, the forecast gets a second score beside the first.
"""

from __future__ import annotations

from datetime import date, datetime
from itertools import groupby
from typing import Final, cast

import numpy as np
import polars as pl

from app.core.clock import Clock
from app.core.db import Database
from app.core.progress import Progress, silent
from app.forecasts import ledger
from app.forecasts.forecast import Forecast, Score
from app.prices import store
from app.registry.components.levels import LEVELS
from app.registry.components.panel import Array
from app.registry.components.scores import crps, pit

RANDOM_WALK_RETURNS: Final = 250
"""The random walk's distribution: quantiles of so many of the symbol's last log returns, around the last close."""

REVISED_BY: Final = 2e-6
"""A realised close that moved by a larger share was revised; a split restates a history up to a rounding of 1e-7."""


def score_due(database: Database, clock: Clock, progress: Progress = silent) -> int:
    """Score what has a new close, first ones and revised ones; return how many scores were written.

    A forecast whose target session has no bar (a halt, or one that is held in quarantine) stays unscored.
    """
    with database.read() as db:
        pending = ledger.pending(db, {symbol: last.session for symbol, last in store.last_bars(db).items()})
    revisions = _revised(database)
    with database.read() as db:
        due = sorted([*pending, *ledger.of_ids(db, list(revisions))], key=lambda one: one.symbol)
    by_symbol = [(symbol, list(forecasts)) for symbol, forecasts in groupby(due, key=lambda one: one.symbol)]
    written = 0
    for done, (symbol, forecasts) in enumerate(by_symbol):
        progress(done / len(by_symbol), f"scoring {symbol}")
        with database.read() as db:
            closes = _closes(store.history(db, symbol, end=max(one.target_session for one in forecasts)))
        scores = (score_one(one, closes, clock.now(), revisions.get(one.id, 0)) for one in forecasts)
        with database.write() as db:
            written += ledger.add_scores(db, [score for score in scores if score is not None])
    return written


def _revised(database: Database) -> dict[str, int]:
    """Return the scored forecasts that came out otherwise by the closes of now, with their next score's number."""
    with database.read() as db:
        scored = ledger.scored(db)
    if scored.is_empty():
        return {}
    closes = store.panel(database, start=cast("date", scored["as_of"].min())).select("symbol", "session", "close")
    beside = scored.join(closes, left_on=["symbol", "as_of"], right_on=["symbol", "session"]).join(
        closes, left_on=["symbol", "target_session"], right_on=["symbol", "session"], suffix="_after"
    )
    realised = pl.col("last_close") * pl.col("close_after") / pl.col("close")
    changed = beside.filter((realised / pl.col("realised_close") - 1.0).abs() > REVISED_BY)
    return {forecast_id: revision + 1 for forecast_id, revision in changed.select("id", "revision").iter_rows()}


def score_one(forecast: Forecast, closes: dict[date, float], scored_at: datetime, revision: int = 0) -> Score | None:
    """Score one forecast by its symbol's closes in session order; None while one of its two closes is missing."""
    before, after = closes.get(forecast.as_of), closes.get(forecast.target_session)
    if before is None or after is None:
        return None
    last = forecast.last_close
    realised = after if before == last else last * (after / before)
    outcome, quantiles = np.array([realised]), np.array([forecast.quantiles])
    walk = last * np.exp(_random_walk(forecast.as_of, closes))
    return Score(
        forecast_id=forecast.id,
        revision=revision,
        realised_close=realised,
        realised_return=realised / last - 1.0,
        abs_error=abs(forecast.predicted_close - realised),
        abs_error_random_walk=abs(last - realised),
        hit_direction=_hit_direction(forecast.prob_up, realised - last),
        hit_50=_is_inside(forecast, 0.5, realised),
        hit_80=_is_inside(forecast, 0.8, realised),
        hit_95=_is_inside(forecast, 0.95, realised),
        crps=float(crps(quantiles, outcome)[0]),
        crps_random_walk=float(crps(walk[None, :], outcome)[0]),
        pit=float(pit(quantiles, outcome)[0]),
        scored_at=scored_at,
    )


def _closes(bars: pl.DataFrame) -> dict[date, float]:
    return dict(zip(bars["session"].to_list(), bars["close"].to_list(), strict=True))


def _random_walk(as_of: date, closes: dict[date, float]) -> Array:
    """Return the quantiles of the last log returns known at `as_of`; zeros where there is none."""
    known = [close for session, close in closes.items() if session <= as_of][-(RANDOM_WALK_RETURNS + 1) :]
    returns = np.diff(np.log(known))
    return np.quantile(returns, LEVELS) if len(returns) else np.zeros(len(LEVELS))


def _hit_direction(prob_up: float, move: float) -> bool | None:
    if move == 0.0 or prob_up == 0.5:  # noqa: PLR2004 - no move, or no side taken
        return None
    return (prob_up > 0.5) == (move > 0.0)  # noqa: PLR2004


def _is_inside(forecast: Forecast, level: float, realised: float) -> bool:
    interval = forecast.interval(level)
    return interval.lower <= realised <= interval.upper
