"""What stands beside a forecast: the next earnings day, how much the symbol is expected to move, what was lacking.

Nothing of it is kept with the forecast: it follows from the forecast itself and from what the store knew when that was
made, so that it stays what it was, and the ledger's hashes don't depend on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from math import fsum
from typing import Final

from sqlmodel import Session

from app.core.clock import Calendar, calendar
from app.forecasts.ledger.events import first_traded
from app.forecasts.ledger.forecast import Forecast
from app.forecasts.prediction.distribution import expected_move
from app.prices import store

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
_Telling = tuple[date, str, datetime, datetime | None]
"""The same, and until when it was believed."""


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
    known = _known(db, forecasts)
    indexed = {(one.as_of, one.made_at) for one in forecasts}
    has_index = {pair: store.was_known(db, INDEX, *pair) for pair in indexed}
    closes = store.last_closes(db, [(one.symbol, one.as_of) for one in forecasts], USUAL_OVER + 1)
    return [
        _situation(
            one,
            _days(known.get((one.made_at, one.symbol), ()), one),
            calendar(exchanges[one.symbol]),
            closes[one.symbol, one.as_of],
            has_index=has_index[one.as_of, one.made_at],
        )
        for one in forecasts
    ]


def _situation(
    forecast: Forecast, days: Sequence[_Day], exchange: Calendar, closes: Sequence[float], *, has_index: bool
) -> Situation:
    event, known_at = _next(days, forecast.as_of, exchange)
    in_time = known_at is None or known_at <= exchange.close_at(forecast.as_of)
    return Situation(
        event=event,
        expected_move=expected_move(forecast.quantiles, forecast.last_close),
        usual_move=usual_move(closes),
        missing_inputs=(*(() if days and in_time else (NO_DAYS,)), *(() if has_index else (NO_INDEX,))),
    )


def _known(db: Session, forecasts: Sequence[Forecast]) -> dict[tuple[datetime, str], list[_Telling]]:
    """Return what the store knew of each symbol's days when its forecast was made; one query an instant."""
    made: dict[datetime, list[Forecast]] = {}
    for one in forecasts:
        made.setdefault(one.made_at, []).append(one)
    known: dict[tuple[datetime, str], list[_Telling]] = {}
    for at, of_instant in made.items():
        start = min(one.as_of for one in of_instant) - QUARTER
        for row in store.event_rows(db, [one.symbol for one in of_instant], at, start):
            known.setdefault((at, row[0]), []).append(row[1:])
    return known


def _days(known: Sequence[_Telling], forecast: Forecast) -> list[_Day]:
    """Return the days from a quarter back on that were believed; a replay knows what its own day knew."""
    at = forecast.made_at if forecast.origin != "replay" else min(forecast.made_at, forecast.target_close_at)
    return [
        (day, timing, known_at)
        for day, timing, known_at, ended_at in known
        if day >= forecast.as_of - QUARTER and known_at <= at and (ended_at is None or ended_at > at)
    ]


def _next(days: Sequence[_Day], as_of: date, exchange: Calendar) -> tuple[EventAhead | None, datetime | None]:
    """Return the first day that isn't traded by the close of `as_of`, and since when it is known."""
    for day, timing, known_at in days:
        reaction = first_traded(day, timing, exchange)
        if reaction > as_of:
            until = len(exchange.between(as_of + timedelta(days=1), reaction))
            return EventAhead("earnings", day, timing, until), known_at
    return None, None


def usual_move(closes: Sequence[float]) -> float | None:
    """Return the mean absolute simple return over these closes, oldest first; None for fewer than two."""
    moves = [abs(new / old - 1) for old, new in pairwise(closes)]
    return fsum(moves) / len(moves) if moves else None
