"""Scoring: a forecast meets its close, on the price basis it was made on; a score is written once.

A split after a forecast restates the whole history, so its `last_close` and the stored close of its target are on two
bases. The ratio of two stored closes is on one: realised = last_close * close(target) / close(as_of). When the source
revises one of the two, the forecast gets a second score beside the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, cast

import numpy as np
import polars as pl
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from app.core.clock import Clock
from app.core.db import Database
from app.core.progress import Progress, silent
from app.forecasts.ledger import due, records
from app.forecasts.ledger.forecast import Forecast, Score
from app.prices import store
from app.registry.components.levels import INTERVALS, LEVELS
from app.registry.components.panel import Array, Index
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
        last = {symbol: bar.session for symbol, bar in store.last_bars(db).items()}
        waiting = due.waiting(db)
    revised = _revised(database)
    symbols = sorted(
        {symbol for symbol, first in waiting.items() if first <= last.get(symbol, date.min)} | revised.keys()
    )
    written = 0
    for done, symbol in enumerate(symbols):
        progress(done / len(symbols), f"scoring {symbol}")
        revisions = revised.get(symbol, {})
        with database.read() as db:
            forecasts = [*due.pending(db, symbol, last[symbol]), *records.of_ids(db, list(revisions))]
            closes = dict(store.history(db, symbol).select("session", "close").iter_rows())
        scores = score_all(forecasts, closes, clock.now(), revisions)
        with database.write() as db:
            written += due.add_scores(db, scores)
    return written


def _revised(database: Database) -> dict[str, dict[str, int]]:
    """Return by symbol the scored forecasts that now come out otherwise, each with its next score's number."""
    with database.read() as db:
        scored = due.scored(db)
    if scored.is_empty():
        return {}
    closes = store.panel(database, start=cast("date", scored["as_of"].min())).select("symbol", "session", "close")
    beside = scored.join(closes, left_on=["symbol", "as_of"], right_on=["symbol", "session"]).join(
        closes, left_on=["symbol", "target_session"], right_on=["symbol", "session"], suffix="_after"
    )
    realised = pl.col("last_close") * pl.col("close_after") / pl.col("close")
    changed = beside.filter((realised / pl.col("realised_close") - 1.0).abs() > REVISED_BY)
    found: dict[str, dict[str, int]] = {}
    for symbol, forecast_id, revision in changed.select("symbol", "id", "revision").iter_rows():
        found.setdefault(symbol, {})[forecast_id] = revision + 1
    return found


def score_all(
    forecasts: Sequence[Forecast], closes: Mapping[date, float], scored_at: datetime, revisions: Mapping[str, int] = {}
) -> list[Score]:
    """Score one symbol's forecasts by its closes in session order; one that lacks one of its two closes is left out.

    `revisions` numbers the scores that aren't a forecast's first.
    """
    known = [one for one in forecasts if one.as_of in closes and one.target_session in closes]
    if not known:
        return []
    columns = {name: values.tolist() for name, values in _figures(known, closes).items()}
    return [
        Score(
            forecast_id=one.id,
            revision=revisions.get(one.id, 0),
            hit_direction=_hit_direction(one.prob_up, columns["realised_close"][row] - one.last_close),
            scored_at=scored_at,
            **{name: values[row] for name, values in columns.items()},
        )
        for row, one in enumerate(known)
    ]


def _figures(forecasts: Sequence[Forecast], closes: Mapping[date, float]) -> dict[str, NDArray[Any]]:
    """Return the fields of the scores that are computed for all forecasts at once."""
    sessions, prices = np.array([*closes], dtype="datetime64[D]"), np.array([*closes.values()])
    at = np.searchsorted(sessions, np.array([one.as_of for one in forecasts], dtype="datetime64[D]"))
    after = np.array([closes[one.target_session] for one in forecasts])
    last, quantiles = np.array([one.last_close for one in forecasts]), np.array([one.quantiles for one in forecasts])
    realised = np.where(prices[at] == last, after, last * (after / prices[at]))
    return {
        "realised_close": realised,
        "realised_return": realised / last - 1.0,
        "abs_error": np.abs([one.predicted_close for one in forecasts] - realised),
        "abs_error_random_walk": np.abs(last - realised),
        "crps": crps(quantiles, realised),
        "crps_random_walk": crps(last[:, None] * np.exp(_random_walk(prices, at)), realised),
        "pit": pit(quantiles, realised),
        **{
            f"hit_{level * 100:.0f}": (quantiles[:, low] <= realised) & (realised <= quantiles[:, high])
            for level, (low, high) in INTERVALS.items()
        },
    }


def _random_walk(prices: Array, at: Index) -> Array:
    """Return the quantiles of the last log returns known at each place; zeros where there is none."""
    returns = np.diff(np.log(prices))
    quantiles = np.zeros((len(at), len(LEVELS)))
    whole = at >= RANDOM_WALK_RETURNS
    if whole.any():
        windows = sliding_window_view(returns, RANDOM_WALK_RETURNS)[at[whole] - RANDOM_WALK_RETURNS]
        quantiles[whole] = np.quantile(windows, LEVELS, axis=1).T
    for row in np.flatnonzero(~whole & (at > 0)):
        quantiles[row] = np.quantile(returns[: at[row]], LEVELS)
    return quantiles


def _hit_direction(prob_up: float, move: float) -> bool | None:
    if move == 0.0 or prob_up == 0.5:  # noqa: PLR2004 - no move, or no side taken
        return None
    return (prob_up > 0.5) == (move > 0.0)  # noqa: PLR2004
