"""A stock's page with its results, and a market series' page without a forecast."""

import json
import re
from datetime import date, timedelta
from typing import Any

import httpx
import polars as pl
import pytest

from app.core.clock import Clock, calendar
from app.core.db import Database
from app.forecasts.ledger.scoring import score_due
from app.forecasts.prediction.situation import EventAhead
from app.prices import store
from app.prices.frame import REPORTED_SCHEMA
from app.prices.sources.sample import sample_bars
from app.prices.store import EarningsDay, event_updates, write
from app.web.views import results
from tests.web.conftest import NOW

HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
IN_TIME = NOW - timedelta(days=3)


def _tell(database: Database, *days: tuple[date, str]) -> None:
    reported = pl.DataFrame([("AAPL", *day, None) for day in days], schema=REPORTED_SCHEMA, orient="row")
    with database.write() as db:
        event_updates.update(db, reported, "yahoo", IN_TIME)


def _figure(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    figure: dict[str, Any] = json.loads(found[1])
    return figure


async def test_the_page_says_when_results_come(web: httpx.AsyncClient, seeded: Database) -> None:
    """Beside the bands: the day, its timing, and that this forecast is about it; JSON says the same."""
    _tell(seeded, (date(2013, 3, 1), "amc"))
    text = (await web.get("/stocks/AAPL", headers=HTML)).text
    assert "On Friday 1 Mar 2013 after the close, first traded in the session that this forecast is about" in text
    assert "Expected move" in text
    assert "Made without the volatility index." in text
    answer = (await web.get("/predict/AAPL")).json()
    assert answer["event"] == {"kind": "earnings", "date": "2013-03-01", "timing": "amc", "sessions_until": 1}
    assert answer["data"]["missing_inputs"] == ["volatility_index"]


async def test_the_record_counts_sessions_with_results_apart(web: httpx.AsyncClient, seeded: Database) -> None:
    """A settled forecast of the session that traded results first counts there; page and JSON say the same."""
    _tell(seeded, (date(2013, 2, 28), "amc"))
    with seeded.write() as db:
        db.connection().exec_driver_sql("DELETE FROM bar WHERE session = '2013-03-01'")
        db.connection().exec_driver_sql(
            "UPDATE symbol SET last_session = '2013-02-28' WHERE last_session > '2013-02-28'"
        )
    await web.post("/predict", json={"symbols": ["AAPL", "MSFT"]})
    with seeded.write() as db:
        newest = sample_bars().filter(pl.col("symbol").is_in(["AAPL", "MSFT"]), session=date(2013, 3, 1))
        store.upsert(db, newest, "sample", NOW)
    assert score_due(seeded, Clock(NOW)) == 2
    record = (await web.get("/api/track-record", params={"origin": "replay"})).json()
    assert [(one["group"], one["n"]) for one in record["coverage"] if one["level"] == 0.8] == [
        ("all", 2),
        ("event", 1),
        ("other", 1),
    ]
    stock = (await web.get("/stocks/AAPL", headers=HTML)).text
    band = next(trace for trace in _figure(stock)["data"] if trace["name"] == "80 % band forecast")
    entry = (await web.get("/api/forecasts", params={"symbol": "AAPL"})).json()["forecasts"][-1]
    told = next(one for one in entry["intervals"] if one["level"] == 0.8)
    assert (band["x"], band["base"]) == (["2013-03-01"], [pytest.approx(told["lower"], abs=1e-3)])
    assert f"Missed {int(not entry['score']['hit_80'])} of 1, 0 to be expected" in stock
    assert "of them when results are traded first" in stock
    page = (await web.get("/track-record", headers=HTML)).text
    groups = re.findall(r'<th scope="row">([a-z ]+)<small>(\d+)</small></th>', page)
    assert 'aria-label="Share of closes in each twentieth of their forecast distribution"' in page
    assert page.count('<circle class="dot"') == 19
    body = (await web.get("/api/calibration", params={"origin": "replay"})).json()
    assert (body["n"], sum(body["pit"]), {one["name"] for one in body["by_symbol"]}) == (2, 1.0, {"AAPL", "MSFT"})
    assert groups == [("all", "2"), ("results first traded", "1"), ("all other sessions", "1")]


async def test_past_results_stand_on_the_chart_and_in_the_table(web: httpx.AsyncClient, seeded: Database) -> None:
    """A mark under the candle that traded them first; the same in the numbers below."""
    _tell(seeded, (date(2013, 1, 23), "amc"), (date(2013, 4, 23), "amc"))
    text = (await web.get("/stocks/AAPL", headers=HTML)).text
    marks = next(trace for trace in _figure(text)["data"] if trace["name"] == "Results")
    assert marks["x"] == ["2013-01-24"]
    assert marks["text"] == ["results of 23 Jan 2013 after the close"]
    low = sample_bars().filter(pl.col("symbol") == "AAPL", pl.col("session") == date(2013, 1, 24))["low"][0]
    assert marks["y"][0] < low
    assert ">Results</th>" not in text  # for none of the month that stands there traded any
    table = (await web.get("/stocks/AAPL/numbers", headers=HTML)).text
    row = r'<tr><th scope="row">24 Jan 2013</th>.*?<td>results of 23 Jan 2013 after the close</td></tr>'
    assert re.search(row, table)
    assert "On Tue 23 Apr 2013 after the close, first traded in" in text


async def test_without_any_days_the_page_says_what_was_lacking(web: httpx.AsyncClient) -> None:
    """No empty column, no mark, and one plain sentence."""
    text = (await web.get("/stocks/AAPL", headers=HTML)).text
    assert "Made without earnings days and the volatility index." in text
    assert 'data-key="results"' not in text
    assert ">Results</th>" not in text


async def test_a_series_has_a_chart_and_no_forecast(web: httpx.AsyncClient, seeded: Database) -> None:
    """Its page links its prices; asking for a forecast says what it is; it is no symbol to watch."""
    index = sample_bars().filter(symbol="IBM").with_columns(pl.lit("^VIX").alias("symbol"), volume=pl.lit(0, pl.Int64))
    with seeded.write() as db:
        write.upsert(db, index, "yahoo", NOW)
    page = await web.get("/stocks/%5EVIX", headers=HTML)
    assert page.status_code == 200
    assert "A market series" in page.text
    assert "/api/prices/%5EVIX" in page.text
    for absent in ('id="forecast"', 'id="record"', "Add to watchlist"):
        assert absent not in page.text
    assert [trace["name"] for trace in _figure(page.text)["data"]] == ["Price", "SMA 20", "SMA 50"]
    refused = await web.get("/predict/%5EVIX")
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_symbol")
    assert "market series" in refused.json()["detail"]
    many = (await web.post("/predict", json={"symbols": ["AAPL", "^VIX"]})).json()
    assert [error["code"] for error in many["errors"]] == ["invalid_symbol"]
    assert "^VIX" not in (await web.get("/api/symbols")).text
    assert (await web.get("/readyz")).json()["symbols"] == 4


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (
            EventAhead("earnings", date(2022, 1, 6), "bmo", 4),
            "on Thursday 6 Jan 2022 before the open, first traded in 4",
        ),
        (
            EventAhead("earnings", date(2022, 1, 27), "unknown", 18),
            "on Thu 27 Jan 2022 at a time that isn't known, first",
        ),
    ],
)
def test_a_day_within_a_week_is_named_by_its_weekday(event: EventAhead, text: str) -> None:
    """Further away the date says more."""
    assert results.ahead(event, date(2021, 12, 31)).startswith(text)


def test_a_week_holds_the_results_of_its_days() -> None:
    """Drawn as weeks, results stand at the week that traded them; those before and after the chart don't."""
    weeks = {"session": [date(2020, 10, 23), date(2020, 10, 30)], "low": [1.0, 2.0]}
    amc = {"symbol": "KO", "kind": "earnings", "timing": "amc", "source": "yahoo"}
    days = [
        EarningsDay(**amc, date=day, known_at=NOW, first_seen=NOW, last_seen=NOW)
        for day in (date(2020, 7, 21), date(2020, 10, 27), date(2020, 10, 30))
    ]
    marks = results.at_candles(results.past(days, calendar()), weeks)
    assert [(one.session, one.low) for one in marks] == [(date(2020, 10, 30), 2.0)]
