"""How a stock's page states results: the next ones in a sentence, past ones in the sessions that traded them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from app.core.clock import Calendar
from app.forecasts.ledger.events import first_traded
from app.forecasts.prediction.situation import NO_DAYS, NO_INDEX, EventAhead
from app.prices.store import EarningsDay
from app.web.edge import formats
from app.web.figures.charts import Mark
from app.web.figures.indicators import Columns

WHEN: Final = {"amc": "after the close", "bmo": "before the open", "unknown": "at a time that isn't known"}
_THIS_WEEK: Final = timedelta(days=6)
_LACKED: Final = {NO_DAYS: "earnings days", NO_INDEX: "the volatility index"}


@dataclass(frozen=True)
class Results:
    """Results of one day, by the session that traded them first."""

    session: date
    text: str


def ahead(event: EventAhead, as_of: date) -> str:
    """Say when the next results come: on Thursday 27 Jan 2022 after the close, first traded in 19 sessions."""
    near = event.date - as_of <= _THIS_WEEK
    day = f"{event.date:%A} {formats.day(event.date)}" if near else formats.day(event.date, weekday=True)
    traded = (
        "first traded in the session that this forecast is about"
        if event.sessions_until == 1
        else f"first traded in {event.sessions_until} sessions"
    )
    return f"on {day} {WHEN[event.timing]}, {traded}"


def lacked(missing_inputs: Sequence[str]) -> str:
    """Name what a forecast was made without; empty where nothing was lacking."""
    return " and ".join(_LACKED.get(name, name) for name in missing_inputs)


def past(days: Sequence[EarningsDay], exchange: Calendar) -> list[Results]:
    """Return the results of each day by the session that traded them first, oldest first."""
    return [
        Results(first_traded(one.date, one.timing, exchange), f"results of {formats.day(one.date)} {WHEN[one.timing]}")
        for one in days
    ]


def at_candles(results: Sequence[Results], candles: Columns) -> list[Mark]:
    """Return a mark at each candle in which results were first traded; a week holds its days."""
    sessions, lows = candles["session"], candles["low"]
    found: dict[date, Mark] = {}
    for one in sorted(results, key=lambda one: one.session):
        place = bisect_left(sessions, one.session)
        if sessions[0] <= one.session and place < len(sessions):
            found[sessions[place]] = Mark(sessions[place], lows[place], one.text)
    return list(found.values())
