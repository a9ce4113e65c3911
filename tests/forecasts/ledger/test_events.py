"""Event sessions: a day of results is first traded in the session that its timing tells."""

from datetime import date

import polars as pl
import pytest

from app.core.clock import calendar
from app.forecasts.ledger.events import first_traded, with_kind

FRIDAY, MONDAY = date(2021, 1, 22), date(2021, 1, 25)


@pytest.mark.parametrize(
    ("day", "timing", "session"),
    [
        (date(2022, 1, 27), "amc", date(2022, 1, 28)),
        (date(2022, 1, 28), "amc", date(2022, 1, 31)),
        (date(2022, 1, 27), "bmo", date(2022, 1, 27)),
        (date(2022, 1, 27), "unknown", date(2022, 1, 27)),
        (date(2022, 1, 29), "bmo", date(2022, 1, 31)),
        (date(2022, 1, 17), "unknown", date(2022, 1, 18)),
    ],
)
def test_results_are_first_traded_by_their_timing(day: date, timing: str, session: date) -> None:
    """After the close the next session; a weekend and a holiday pass the day on."""
    assert first_traded(day, timing, calendar()) == session


def test_rows_are_told_apart_by_what_their_session_trades() -> None:
    """By each symbol's timing; both sessions where it isn't known; the order of the rows stays."""
    days = [("A", FRIDAY, "amc"), ("B", FRIDAY, "bmo"), ("C", FRIDAY, "unknown"), ("D", date(2021, 1, 23), "bmo")]
    events = pl.DataFrame(days, schema={"symbol": pl.String, "date": pl.Date, "timing": pl.String}, orient="row")
    rows = pl.DataFrame(
        [(symbol, day) for day in (MONDAY, FRIDAY) for symbol in "DCBA"],
        schema={"symbol": pl.String, "target_session": pl.Date},
        orient="row",
    )
    marked = with_kind(rows, events, {})
    assert marked.drop("kind").equals(rows)
    assert marked.filter(kind="event").drop("kind").rows() == [
        ("D", MONDAY),
        ("C", MONDAY),
        ("A", MONDAY),
        ("C", FRIDAY),
        ("B", FRIDAY),
    ]
    assert set(marked["kind"]) == {"event", "other"}


def test_without_events_all_sessions_are_other() -> None:
    """No earnings day known: nothing is said of any session."""
    rows = pl.DataFrame({"symbol": ["A"], "target_session": [FRIDAY]})
    none = pl.DataFrame(schema={"symbol": pl.String, "date": pl.Date, "timing": pl.String})
    assert with_kind(rows, none, {})["kind"].to_list() == ["other"]
