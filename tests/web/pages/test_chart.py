"""The chart of a stock: what is chosen by its address is drawn, stands in the table, and is what the API says."""

import html
import json
import re
from typing import Any

import httpx
import polars as pl
import pytest

from app.core.db import Database
from app.features.overlay import overlay, reach
from app.prices import store
from app.prices.sources.sample import sample_bars
from app.web.edge import formats
from app.web.figures.indicators import INDICATORS
from app.web.views.chart import Choice
from tests.web.conftest import NOW
from tests.web.pages.test_pages import HTML, Checked, part

EVERYTHING = ",".join(one.key for one in INDICATORS)


def figure(text: str) -> dict[str, Any]:
    """Return the traces of a page's figure by name."""
    found = re.search(r'<script type="application/json">(.*?)</script>', text, re.DOTALL)
    assert found
    return {trace["name"]: trace for trace in json.loads(found[1])["data"]}


async def test_what_is_drawn_is_what_the_api_says(web: httpx.AsyncClient) -> None:
    """A month alone is drawn from as many bars as each indicator reads: no figure differs from the whole history's."""
    text = (await web.get(f"/stocks/AAPL?range=1M&show={EVERYTHING}", headers=part("chart"))).text
    known = (await web.get("/api/indicators/AAPL")).json()["rows"][-21:]
    traces = figure(text)
    for one in INDICATORS:
        for name, title, _ in one.columns:
            assert traces[title]["y"] == [round(row[name], 4) for row in known], name
            assert f">{title}</th>" in text
    assert {traces[name]["yaxis"] for name in ("Volume", "RSI 14", "MACD", "Signal")} == {"y2", "y3", "y4"}


@pytest.mark.parametrize("name", [name for one in INDICATORS for name, _, _ in one.columns])
def test_an_indicator_reads_no_further_back_than_it_says(name: str) -> None:
    """To the bit: with that many bars before it a value is what it is with all of them."""
    bars = sample_bars().filter(symbol="AAPL")
    short = overlay(bars.tail(reach([name]) + 5))[name].tail(5)
    assert short.to_list() == overlay(bars)[name].tail(5).to_list()


async def test_indicators_are_links_that_add_and_take_away(web: httpx.AsyncClient) -> None:
    """Each link is the address of the chart with that one more or less, in the range that is shown."""
    text = (await web.get("/stocks/AAPL?range=3M&show=sma_20,rsi", headers=HTML)).text
    links = Checked(text).links
    assert "/stocks/AAPL?range=3M&show=sma_20,rsi,macd" in links
    assert "/stocks/AAPL?range=3M&show=rsi" in links
    assert "/stocks/AAPL?range=1Y&show=sma_20,rsi" in links
    assert list(figure(text))[-6:] == ["SMA 20", "RSI 14", "95%", "80%", "50%", "Forecast"]


def test_a_choice_survives_its_address() -> None:
    """What nobody chose isn't named, nothing at all has a name, and a name of another day is passed over."""
    assert Choice().address("BRK-B") == "/stocks/BRK-B?range=6M"
    assert Choice.read("6M", "none").keys == ()
    assert Choice.read("6M", None).toggled("volume").show == "sma_20,sma_50"
    assert Choice.read("1M", "sma_20").toggled("sma_20").show == "none"
    assert Choice.read("1Y", "macd,ichimoku,volume").show == "volume,macd"


async def test_the_chance_is_asked_beside_the_same_chart(web: httpx.AsyncClient) -> None:
    """Without a script the form keeps range and indicators."""
    text = (await web.get("/stocks/AAPL?range=1M&show=none", headers=HTML)).text
    assert '<input type="hidden" name="range" value="1M"><input type="hidden" name="show" value="none">' in text


async def test_the_drawing_that_needs_no_script_has_the_overlays_too(web: httpx.AsyncClient) -> None:
    """One line a column, with a point for every close that has a value; panes stand in the table alone."""
    text = (await web.get("/stocks/AAPL?range=1M&show=sma_20,bollinger,rsi", headers=part("chart"))).text
    drawn = re.findall(r'<polyline class="over" data-key="([^"]+)" points="([^"]*)"', text)
    assert [key for key, _ in drawn] == ["average-1", "bollinger", "bollinger"]
    assert {len(points.split()) for _, points in drawn} == {21}


async def test_every_session_stands_on_a_page_of_numbers(web: httpx.AsyncClient, seeded: Database) -> None:
    """A year to a page, newest first, the oldest one too; each with the chosen indicators of the whole history."""
    with seeded.read() as db:
        known = overlay(store.history(db, "AAPL")).reverse()
    address, days, averages = "/stocks/AAPL/numbers?show=sma_20", [], []
    while address:
        text = (await web.get(address, headers=HTML)).text
        days += re.findall(r'<tr><th scope="row">([^<]+)</th>', text)
        averages += re.findall(r'<td class="n">([^<]+)</td></tr>', text)
        address = html.unescape("".join(re.findall(r'<a href="([^"]+)" rel="next">', text)))
    assert days == [formats.day(session) for session in known["session"]]
    assert averages == [formats.ratio(average, 2) for average in known["sma_20"]]
    newer = (await web.get("/stocks/AAPL/numbers?offset=252", headers=HTML)).text
    assert "253 to 504 of 3,269 sessions" in newer
    assert '<a href="/stocks/AAPL/numbers" rel="prev">Newer</a>' in newer
    with seeded.write() as db:
        store.watch(db, ["TSLA"], NOW)
    assert "No prices yet" in (await web.get("/stocks/TSLA/numbers", headers=HTML)).text
    beyond = (await web.get("/stocks/AAPL/numbers?offset=9999", headers=HTML)).text
    assert "No session is listed so far down" in beyond


async def test_what_became_of_prices_is_told(web: httpx.AsyncClient, seeded: Database) -> None:
    """A page and a region of the stock's: what was corrected and by how much, what was kept out, and that is all."""
    with seeded.write() as db:
        newest = store.history(db, "AAPL", last=2).with_columns(pl.col("high", "close") * 1.02)
        store.upsert(db, newest, "sample", NOW)
    page = (await web.get("/stocks/AAPL/changes", headers=HTML)).text
    assert re.search(
        r"The source changed it</td><td class=\"n\">2</td><td>28 Feb 2013 to 1 Mar 2013</td>.*?2\.00", page
    )
    assert "<td>repeated bar</td>" in page
    region = (await web.get("/stocks/AAPL/changes", headers=part("changes"))).text
    assert region.strip().startswith('<div id="changes"')
    assert region.strip() in page
    assert (await web.get("/stocks/NOPE1/changes")).status_code == 404
