"""Scoring: a forecast meets its close, on the price basis it was made on; written once.

A split after a forecast restates the whole history, so its `last_close` and the stored close of its target are on two
bases. The ratio of two stored closes is on one: realised = last_close * close(target) / close(as_of).
"""

from __future__ import annotations

from datetime import date, datetime
from itertools import groupby
from typing import Final

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


def score_due(database: Database, clock: Clock, progress: Progress = silent) -> int:
    """Score every unscored forecast whose target bar is final, and return how many that were.

    A forecast whose target session has no bar (a halt, or one that is held in quarantine) stays unscored.
    """
    with database.read() as db:
        pending = ledger.pending(db, {symbol: last.session for symbol, last in store.last_bars(db).items()})
    by_symbol = [(symbol, list(forecasts)) for symbol, forecasts in groupby(pending, key=lambda one: one.symbol)]
    scored = 0
    for done, (symbol, forecasts) in enumerate(by_symbol):
        progress(done / len(by_symbol), f"scoring {symbol}")
        with database.read() as db:
            closes = _closes(store.history(db, symbol, end=max(one.target_session for one in forecasts)))
        scores = [score for one in forecasts if (score := score_one(one, closes, clock.now())) is not None]
        with database.write() as db:
            scored += ledger.settle(db, scores)
    return scored


def score_one(forecast: Forecast, closes: dict[date, float], scored_at: datetime) -> Score | None:
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
