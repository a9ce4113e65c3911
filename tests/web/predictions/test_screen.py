"""The screener: conditions, order and pages over outlooks; the same rows as JSON and as a table."""

import csv
import io
from typing import Any

import httpx
import pytest

from app.forecasts.prediction.situation import EventAhead
from app.web.predictions.outlook import COLUMNS, Outlook
from app.web.predictions.screen import Screen, arranged


def outlook(symbol: str, **known: Any) -> Outlook:
    """Return a line of which only this is known."""
    return Outlook(symbol=symbol, watched=known.pop("watched", False), **known)


def due(sessions: int) -> EventAhead:
    """Return results so many sessions ahead."""
    return EventAhead("earnings", "2022-01-27", "amc", sessions)  # type: ignore[arg-type]  # the date isn't looked at


ROWS = [
    outlook("AAA", name="Alpha Ltd", expected_move=0.01, move_ratio=0.9, watched=True),
    outlook("BBB", name="Beta", expected_move=0.03, move_ratio=2.0, event=due(1)),
    outlook("CCC", expected_move=0.02, move_ratio=1.0, event=due(12), watched=True),
    outlook("DDD", problem="no prices yet"),
]


@pytest.mark.parametrize(
    ("asked", "symbols"),
    [
        ({}, ["BBB", "CCC", "AAA", "DDD"]),
        ({"q": "alph"}, ["AAA"]),
        ({"q": "bb"}, ["BBB"]),
        ({"watched": True}, ["CCC", "AAA"]),
        ({"min_move": 0.02}, ["BBB", "CCC"]),
        ({"min_ratio": 1.25}, ["BBB"]),
        ({"results_within": 5}, ["BBB"]),
        ({"results_within": 12, "sort": "results"}, ["BBB", "CCC"]),
        ({"sort": "move"}, ["AAA", "CCC", "BBB", "DDD"]),
        ({"sort": "-symbol"}, ["DDD", "CCC", "BBB", "AAA"]),
    ],
)
def test_rows_are_chosen_and_sorted(asked: dict[str, Any], symbols: list[str]) -> None:
    """Each condition by itself; what isn't known comes last in either direction, and meets no condition on it."""
    assert [one.symbol for one in Screen(**asked).chosen(ROWS)] == symbols


def test_equal_values_stand_by_name() -> None:
    """The order never depends on that of the store."""
    equal = [outlook(symbol, expected_move=0.01) for symbol in "CAB"]
    for sort in ("move", "-move"):
        assert [one.symbol for one in arranged(equal, sort)] == ["A", "B", "C"]


async def test_the_api_pages_and_counts(web: httpx.AsyncClient) -> None:
    """Figures are those of /predict; `found` counts what the conditions leave, `stored` every symbol."""
    body = (await web.get("/api/screener", params={"sort": "symbol", "limit": 1})).json()
    (row,) = body["rows"]
    made = (await web.get("/predict/AAPL")).json()
    assert (body["found"], body["stored"], row["symbol"]) == (5, 5, "AAPL")
    for name in ("last_close", "target_session", "expected_move", "usual_move", "event"):
        assert row[name] == made[name], name
    band = next(one for one in made["intervals"] if one["level"] == 0.8)
    assert (row["lower_80"], row["upper_80"]) == (band["lower"], band["upper"])
    assert row["predicted_close"] is None, "the verdict claims no point skill"
    second = (await web.get("/api/screener", params={"sort": "symbol", "limit": 1, "offset": 1})).json()
    assert second["rows"][0]["symbol"] == "FB"


async def test_the_table_holds_all_rows_and_no_formula(web: httpx.AsyncClient, seeded: Any) -> None:
    """A company that is named like a formula is a text in a spreadsheet; numbers stay numbers."""
    with seeded.write() as db:
        db.connection().exec_driver_sql("UPDATE symbol SET name = '=HYPERLINK(1)' WHERE symbol = 'IBM'")
    answer = await web.get("/api/screener", params={"format": "csv", "limit": 1, "sort": "symbol"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="screener.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert tuple(rows[0]) == COLUMNS
    assert [row["symbol"] for row in rows] == ["AAPL", "FB", "GOOG", "IBM", "MSFT"]
    assert rows[3]["name"] == "'=HYPERLINK(1)"
    assert float(rows[0]["expected_move"]) > 0
