"""Event sessions: those in which a company's results are first traded; the record of bands tells them apart."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final, Literal

import polars as pl

from app.core.clock import DEFAULT_EXCHANGE, Calendar, calendar

Kind = Literal["event", "other"]
EVENT: Final[Kind] = "event"
OTHER: Final[Kind] = "other"
LONGEST_PAUSE: Final = timedelta(days=21)
"""No exchange rests longer: results of a day before that are traded by now."""


def first_traded(day: date, timing: str, exchange: Calendar) -> date:
    """Return the session in which results are first traded.

    After the close, that is the next one; before the open, the day's own; where it isn't known, the first that may be.
    A day without a session passes it on to the next one.
    """
    if timing != "amc" and exchange.is_session(day):
        return day
    return exchange.next_session(day)


def with_kind(rows: pl.DataFrame, events: pl.DataFrame, exchanges: Mapping[str, str]) -> pl.DataFrame:
    """Return rows (symbol, target_session, …) with `kind`: `event` where the target session is one, else `other`.

    `events` has symbol, date, timing; where a timing isn't known, both sessions that it leaves open are taken.
    """
    timings = {"unknown": ("bmo", "amc")}
    sessions = {
        (symbol, first_traded(day, one, calendar(exchanges.get(symbol, DEFAULT_EXCHANGE))))
        for symbol, day, timing in events.select("symbol", "date", "timing").iter_rows()
        for one in timings.get(timing, (timing,))
    }
    known = pl.DataFrame(
        sorted(sessions), schema={"symbol": pl.String, "target_session": pl.Date}, orient="row"
    ).with_columns(kind=pl.lit(EVENT))
    joined = rows.join(known, on=["symbol", "target_session"], how="left", maintain_order="left")
    return joined.with_columns(pl.col("kind").fill_null(OTHER))
