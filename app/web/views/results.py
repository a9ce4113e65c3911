"""How a stock's page states results: the next ones in a sentence, past ones in the sessions that traded them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import polars as pl

from app.core.clock import Calendar
from app.forecasts.ledger.events import first_traded
from app.forecasts.prediction.situation import NO_DAYS, NO_INDEX, EventAhead
from app.prices.store import EarningsDay
from app.web.edge import formats

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


def at_candles(results: Sequence[Results], candles: pl.DataFrame) -> pl.DataFrame:
    """Return `session`, `low` and `text` of the candles in which results were first traded; a week holds its days."""
    texts = pl.DataFrame(
        [(one.session, one.text) for one in results], schema={"traded": pl.Date, "text": pl.String}, orient="row"
    )
    first = candles["session"].min()
    drawn = texts.sort("traded").join_asof(
        candles.select("session", "low").sort("session"), left_on="traded", right_on="session", strategy="forward"
    )
    inside = drawn.filter((pl.col("traded") >= first) & pl.col("session").is_not_null())
    return inside.select("session", "low", "text").unique("session", keep="last", maintain_order=True)
