"""What stands beside a forecast: the next earnings day, how much the symbol is expected to move, what was lacking.

Nothing of it is kept with the forecast: it follows from the forecast itself and from what the store knew when that was
made, so that it stays what it was, and the ledger's hashes don't depend on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from math import log
from typing import Final

import polars as pl
from sqlmodel import Session

from app.core.clock import Calendar, calendar
from app.forecasts.forecast import Forecast
from app.prices import store
from app.registry.components.levels import LEVELS

USUAL_OVER: Final = 250
"""`usual_move` is taken over so many sessions."""
QUARTER: Final = timedelta(days=100)
"""Companies tell results each quarter: without a day this far back or ahead, the symbol's days aren't known."""
INDEX: Final = "^VIX"
"""The series by which features know what options say of the market."""
NO_DAYS: Final = "earnings_days"
NO_INDEX: Final = "volatility_index"

_Day = tuple[date, str, datetime]
"""An earnings day, its timing, and since when it is known."""


@dataclass(frozen=True)
class EventAhead:
    """The next earnings day that is known; `sessions_until` counts from `as_of` to the session that first trades it."""

    kind: str
    date: date
    timing: str
    sessions_until: int


@dataclass(frozen=True)
class Situation:
    """What stands beside a forecast; moves are mean absolute simple returns, 0.012 for 1.2 %.

    `missing_inputs` are the regressors that stood at their mean: `earnings_days` where none of the symbol is known
    within a quarter back or ahead, or the next one was seen after the close of `as_of` only, when no forecast may use
    it any more; `volatility_index` where it has no bar of that session.
    """

    event: EventAhead | None
    expected_move: float
    usual_move: float | None
    missing_inputs: tuple[str, ...]


def situations(db: Session, forecasts: Sequence[Forecast], exchanges: Mapping[str, str]) -> list[Situation]:
    """Return each forecast's situation, as the store knew it when the forecast was made."""
    found: dict[tuple[date, datetime], bool] = {}
    for one in forecasts:
        if (one.as_of, one.made_at) not in found:
            found[one.as_of, one.made_at] = store.was_known(db, INDEX, one.as_of, one.made_at)
    return [
        _situation(
            one,
            _days(known, one),
            calendar(exchanges[one.symbol]),
            store.history(db, one.symbol, end=one.as_of, last=USUAL_OVER + 1)["close"],
            has_index=found[one.as_of, one.made_at],
        )
        for known, one in _known(db, forecasts)
    ]


def _situation(
    forecast: Forecast, days: Sequence[_Day], exchange: Calendar, closes: pl.Series, *, has_index: bool
) -> Situation:
    event, known_at = _next(days, forecast.as_of, exchange)
    in_time = known_at is None or known_at <= exchange.close_at(forecast.as_of)
    return Situation(
        event=event,
        expected_move=expected_move(forecast.quantiles, forecast.last_close),
        usual_move=usual_move(closes),
        missing_inputs=(*(() if days and in_time else (NO_DAYS,)), *(() if has_index else (NO_INDEX,))),
    )


def _known(db: Session, forecasts: Sequence[Forecast]) -> list[tuple[pl.DataFrame, Forecast]]:
    """Return each forecast with the earnings days that the store knew when it was made; one query an instant."""
    symbols: dict[datetime, list[str]] = {}
    for one in forecasts:
        symbols.setdefault(one.made_at, []).append(one.symbol)
    known = {at: store.events(db, names, at=at) for at, names in symbols.items()}
    return [(known[one.made_at], one) for one in forecasts]


def _days(known: pl.DataFrame, forecast: Forecast) -> list[_Day]:
    """Return the symbol's days from a quarter back on; a replay knows what its own day knew."""
    at = forecast.made_at if forecast.origin == "live" else min(forecast.made_at, forecast.target_close_at)
    open_then = pl.col("ended_at").is_null() | (pl.col("ended_at") > at)
    mine = known.filter(
        pl.col("symbol") == forecast.symbol,
        pl.col("date") >= forecast.as_of - QUARTER,
        (pl.col("known_at") <= at) & open_then,
    )
    return mine.sort("date").select("date", "timing", "known_at").rows()


def _next(days: Sequence[_Day], as_of: date, exchange: Calendar) -> tuple[EventAhead | None, datetime | None]:
    """Return the first day that isn't traded by the close of `as_of`, and since when it is known."""
    for day, timing, known_at in days:
        reaction = first_traded(day, timing, exchange)
        if reaction > as_of:
            until = len(exchange.between(as_of + timedelta(days=1), reaction))
            return EventAhead("earnings", day, timing, until), known_at
    return None, None


def first_traded(day: date, timing: str, exchange: Calendar) -> date:
    """Return the session in which results are first traded.

    After the close, that is the next one; before the open, the day's own; where it isn't known, the first that may be.
    A day without a session passes it on to the next one.
    """
    if timing != "amc" and exchange.is_session(day):
        return day
    return exchange.next_session(day)


def expected_move(quantiles: Sequence[float], last_close: float) -> float:
    """Return the mean of |close / last_close - 1| under the distribution that the quantiles stand for.

    Between two levels the quantile function is a line, whose absolute value is integrated exactly. Beyond the outer
    levels the tails fall off exponentially, at the rate of the outer step: below the level 0.025 the mean lies
    (q050 - q025) / ln(0.05 / 0.025) under q025, and above as much on the other side.
    """
    returns = [close / last_close - 1 for close in quantiles]
    inner = sum(
        (right - left) * _mean_abs(low, high)
        for (left, right), (low, high) in zip(pairwise(LEVELS), pairwise(returns), strict=True)
    )
    below = returns[0] - (returns[1] - returns[0]) / log(LEVELS[1] / LEVELS[0])
    above = returns[-1] + (returns[-1] - returns[-2]) / log((1 - LEVELS[-2]) / (1 - LEVELS[-1]))
    return inner + LEVELS[0] * abs(below) + (1 - LEVELS[-1]) * abs(above)


def _mean_abs(low: float, high: float) -> float:
    """Return the mean of |x| for x uniform in [low, high]."""
    if low * high >= 0:
        return abs(low + high) / 2
    return (low * low + high * high) / (2 * (high - low))


def usual_move(closes: pl.Series) -> float | None:
    """Return the mean absolute simple return over these closes, oldest first; None for fewer than two."""
    mean = (closes / closes.shift(1) - 1).abs().mean()
    return float(mean) if isinstance(mean, float) else None
