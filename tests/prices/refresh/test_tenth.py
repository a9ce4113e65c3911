"""The weekly full check: a rotating tenth of the symbols, histories whole, against the source."""

from datetime import UTC, datetime

import polars as pl
import pytest

from app.core.clock import Clock
from app.core.db import Database
from app.prices import store
from app.prices.refresh.run import refresh_tenth, tenth
from tests.prices.market import SESSIONS, Market, bars, evening

OHLC = ("open", "high", "low", "close")


def test_ten_weeks_check_each_symbol_once() -> None:
    """The tenths rotate with the ISO week and miss nobody."""
    symbols = [f"S{number}" for number in range(200)]
    checked = [symbol for week in range(41, 51) for symbol in tenth(symbols, week)]
    assert sorted(checked) == sorted(symbols)


@pytest.mark.parametrize("offset", [0, 1])
def test_the_weekly_check_takes_over_what_the_source_says_otherwise(database: Database, offset: int) -> None:
    """An old bar that Yahoo has corrected since is found in its symbol's week, and only then."""
    market, name = Market({"KO": bars("KO")}), "KO"
    with database.write() as db:
        old = pl.when(pl.col("session") == SESSIONS[3]).then(1.001).otherwise(1.0)
        store.upsert(db, bars("KO").with_columns(pl.col(*OHLC) * old), "yahoo", evening(SESSIONS[-1]))
    week = next(week for week in range(10, 20) if tenth([name], week)) + offset
    reports = refresh_tenth(
        database, market, Clock(datetime.fromisocalendar(2021, week, 3).replace(hour=12, tzinfo=UTC))
    )
    assert [(report.outcome, report.changed) for report in reports] == ([("updated", 1)] if offset == 0 else [])
    assert store.panel(database).equals(bars("KO")) is (offset == 0)
