"""The pages: each state of each region, whole or as the region that htmx asks for."""

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import httpx
import pytest
from fastapi import FastAPI

from app.core.db import Database
from app.core.settings import Settings
from app.jobs import runs
from app.prices import store
from app.prices.refresh.first_run import store_sample
from app.prices.store.tables import QuarantineRow
from tests.web.conftest import NOW, WATCHED, Build, talk_to

HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def part(target: str) -> dict[str, str]:
    """Return the headers that htmx sends for a region."""
    return {"accept": "text/html", "hx-request": "true", "hx-request-type": "partial", "hx-target": f"div#{target}"}


class Checked(HTMLParser):
    """Reads a page strictly: every element closed in order, every id once; keeps ids, links and scripts."""

    VOID = frozenset({"meta", "link", "input", "br", "hr", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: set[str] = set()
        self.inline: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []
        assert len(self.ids) == len(set(self.ids))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element says."""
        values = dict(attrs)
        assert not [name for name in values if name.startswith("on") or name == "style"], "inline script or style"
        if values.get("id"):
            self.ids.append(str(values["id"]))
        for name in ("href", "src", "hx-get"):
            if str(values.get(name) or "").startswith("/"):
                self.links.add(str(values[name]))
        if tag == "script" and "src" not in values:
            self.inline.append(str(values.get("type")))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that closes itself, as those of a drawing do."""
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        """Close the element opened last."""
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag


async def test_the_watchlist_leads_with_how_far_each_symbol_may_go(web: httpx.AsyncClient) -> None:
    """A row has the last close, the expected move beside the usual one, the band, the chances, the tested skill."""
    text = (await web.get("/", headers=HTML)).text
    row = re.search(r'<tr role="row" id="row-1">.*?</tr>', text, re.DOTALL)
    assert row is not None
    answer = (await web.get("/predict/AAPL")).json()
    expected, usual = answer["expected_move"], answer["usual_move"]
    moves = [f"±{expected * 100:.2f}", f"usual {usual * 100:.2f}", f"{expected / usual:.2f} \u00d7"]
    for shown in ("AAPL", "Apple Inc.", "430.47", "1 Mar 2013", "band-80", "+1.6\u202f%", "2,385 sessions", *moves):
        assert shown in row[0], shown
    assert "Forecast close" not in text, "no point forecast without skill for one"
    assert "How far" in text
    assert "Mon 4 Mar 2013" in text
    assert "No point skill shown" in text


async def test_pages_are_sound_and_no_link_is_dead(web: httpx.AsyncClient) -> None:
    """Elements nest, ids are unique, nothing is inline but data, and whatever is linked, often by many, answers."""
    await web.get("/predict/AAPL")
    linked: dict[str, str] = {}
    for address in (
        "/",
        "/stocks/AAPL",
        "/stocks/FB",
        "/search?q=business%20machines",
        "/models",
        "/models/v1",
        "/screener",
        "/screener?sort=-move&min_ratio=1.25&results_within=",
        "/track-record",
        "/jobs",
        "/monitoring",
        "/alerts",
        "/data",
        "/docs",
    ):
        answer = await web.get(address, headers=HTML)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8"), address
        page = Checked(answer.text)
        assert set(page.inline) <= {"application/json"}, address
        linked |= dict.fromkeys(page.links, address)
    for link, address in sorted(linked.items()):
        assert (await web.get(link, headers=HTML)).status_code == 200, f"{link} on {address}"


@pytest.mark.parametrize(
    "address",
    ["/", "/stocks/AAPL", "/screener", "/models", "/track-record", "/jobs", "/monitoring", "/alerts", "/data", "/docs"],
)
async def test_pages_stand_on_an_empty_store(fresh: httpx.AsyncClient, address: str) -> None:
    """Before anything is stored each page says so; a symbol that only the source has is shown without a forecast."""
    answer = await fresh.get(address, headers=HTML)
    assert answer.status_code == 200
    Checked(answer.text)


async def test_sample_prices_are_shown_plainly(app: FastAPI, settings: Settings, build: Build) -> None:
    """The banner names the years; where Yahoo was wanted it says that there is no connection."""
    async with talk_to(app) as client:
        text = (await client.get("/")).text
    assert "Sample prices, 2000 to 2013" in text
    assert "no connection" not in text
    async with talk_to(build(settings.model_copy(update={"source": "auto"}))) as client:
        for address in ("/", "/stocks/AAPL"):
            assert "Sample prices, 2000 to 2013; no connection to Yahoo" in (await client.get(address)).text


async def test_old_prices_are_shown_plainly(settings: Settings, seeded: Database, build: Build) -> None:
    """Prices that lack final sessions raise a banner with their last session and how many they lack."""
    with seeded.write() as db:
        db.connection().exec_driver_sql("UPDATE bar SET source = 'yahoo'")
    later = settings.model_copy(update={"now": datetime(2013, 3, 7, 22, 0, tzinfo=UTC)})
    async with talk_to(build(later)) as client:
        text = (await client.get("/")).text
        body = (await client.get("/predict/AAPL")).json()
    assert "Prices end Fri 1 Mar 2013, 4 sessions behind" in text
    assert (body["data"]["sessions_behind"], body["data"]["stale"]) == (4, True)


async def test_the_first_run_shows_how_far_it_is_and_asks_again(fresh: httpx.AsyncClient, database: Database) -> None:
    """While prices are fetched the page has the progress, asks again by itself, and does so without a script too."""
    run = runs.start(database, "first_run", "no champion", NOW)
    runs.report(database, run.id, 0.1, "asking Yahoo for prices")
    text = (await fresh.get("/")).text
    assert "Asking Yahoo for prices" in text
    assert '<progress max="100" value="10.0"' in text
    assert 'hx-trigger="every 2s"' in text
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in text
    assert re.findall(r'<li data-state="(\w+)">', text) == ["now", "next", "next"]


async def test_training_is_the_second_step(bare: FastAPI, database: Database) -> None:
    """Once the prices are found the first step is done, though some symbols have none."""
    with database.write() as db:
        store.watch(db, [*WATCHED, "AMZN"], NOW)
    store_sample(database, NOW)
    run = runs.start(database, "first_run", "no champion", NOW)
    runs.report(database, run.id, 0.5, "fold 3 of 20")
    async with talk_to(bare) as client:
        text = (await client.get("/")).text
    assert re.findall(r'<li data-state="(\w+)">', text) == ["done", "now", "next"]
    assert text.count("waiting for the model") == 4
    assert text.count("not in the bundled sample") == 1


async def test_a_first_run_that_failed_says_why_and_can_be_tried_again(
    fresh: httpx.AsyncClient, database: Database
) -> None:
    """The message stands on the page with a button; the page goes on looking, for another process may start it."""
    run = runs.start(database, "first_run", "no champion", NOW)
    runs.finish(database, run.id, "failed", "no prices: Yahoo refuses", None, NOW)
    text = (await fresh.get("/")).text
    assert "The first run stopped" in text
    assert "No prices: Yahoo refuses" in text
    assert '<form action="/jobs/first_run" method="post">' in text
    assert 'hx-trigger="every 5s"' in text


async def test_the_page_becomes_the_real_thing_in_place(web: httpx.AsyncClient) -> None:
    """The region that the first run polls is the watchlist itself once there is a champion."""
    text = (await web.get("/", headers=part("page"))).text
    assert text.lstrip().startswith('<div id="page"')
    assert "<html" not in text
    assert "may go" in text


async def test_a_stock_shows_chart_forecast_and_both_records(web: httpx.AsyncClient) -> None:
    """Everything stands in the HTML: figure, drawing, bands, the ledger's record and the contest's, each labelled."""
    text = (await web.get("/stocks/AAPL", headers=HTML)).text
    for shown in (
        "Apple Inc.", "430.47", '"type":"candlestick"', '<svg class="spark"', "the last close, 430.47", "P(up)",
        "Kept forecasts of AAPL", "Nothing settled yet", "Walk-forward test before it served", "2,385 sessions",
    ):  # fmt: skip
        assert shown in text, shown
    assert re.search(r"<strong>\d+ of 20</strong>", text)


@pytest.mark.parametrize(
    ("wanted", "sessions"), [("1M", "21"), ("3M", "63"), ("6M", "126"), ("1Y", "252"), ("5Y", "1,260")]
)
async def test_the_range_is_switched_by_the_region_alone(web: httpx.AsyncClient, wanted: str, sessions: str) -> None:
    """The same address gives the page to a browser and the chart's region to htmx."""
    region = (await web.get("/stocks/AAPL", params={"range": wanted}, headers=part("chart"))).text
    page = (await web.get("/stocks/AAPL", params={"range": wanted}, headers=HTML)).text
    assert region.lstrip().startswith('<section id="chart"')
    assert f"{sessions} sessions" in region
    assert region.strip() in page


async def test_long_ranges_are_drawn_as_weeks(web: httpx.AsyncClient) -> None:
    """More candles than pixels can't be read: the whole history is weekly, and says so."""
    text = (await web.get("/stocks/AAPL?range=All", headers=part("chart"))).text
    assert "3,269 sessions, drawn as weeks" in text
    assert 'The newest 21. <a href="/stocks/AAPL/numbers">All 3,269 sessions</a>' in text


async def test_a_range_that_is_none_is_an_error_page(web: httpx.AsyncClient) -> None:
    """Inputs are bounded: a range is one of six."""
    answer = await web.get("/stocks/AAPL?range=10Y", headers=HTML)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert "<p><code>range</code>: Input should be" in answer.text


async def test_a_stock_without_enough_history_keeps_its_chart(web: httpx.AsyncClient) -> None:
    """A missing forecast is one region's state: chart and prices stand."""
    text = (await web.get("/stocks/FB", headers=HTML)).text
    assert "Too little history" in text
    assert '"type":"candlestick"' in text


async def test_a_stock_before_the_first_model_waits_by_itself(bare: FastAPI, database: Database) -> None:
    """The forecast's region asks again until there is a model."""
    store_sample(database, NOW)
    async with talk_to(bare) as client:
        text = (await client.get("/stocks/AAPL", headers=HTML)).text
    assert "No model yet" in text
    assert re.search(r'<section id="forecast"[^>]*hx-trigger="every 5s"', text)
    assert "No model has been trained yet; the first run does it, or <code>nextclose train</code>" in text


async def test_who_waited_for_the_first_model_gets_the_whole_page(web: httpx.AsyncClient) -> None:
    """With the forecast there is more to say in chart and record; whoever asks for a chance stays where he is."""
    waited = await web.get("/stocks/AAPL", headers=part("forecast"))
    asked = await web.get("/stocks/AAPL?above=440", headers=part("forecast"))
    assert (waited.headers.get("hx-refresh"), asked.headers.get("hx-refresh")) == ("true", None)


async def test_an_unknown_stock_is_a_page_of_its_own(web: httpx.AsyncClient) -> None:
    """A browser gets a page, htmx a region with the id it asked for, a program problem+json."""
    page = await web.get("/stocks/NOPE", headers=HTML)
    assert (page.status_code, "No such symbol" in page.text, "<html" in page.text) == (404, True, True)
    Checked(page.text)
    region = await web.get("/stocks/NOPE", headers=part("chart"))
    assert (region.status_code, region.text.lstrip()[:29]) == (404, '<section id="chart" class="fa')
    assert (await web.get("/stocks/NOPE")).json()["code"] == "unknown_symbol"


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        ("text/html", True), ("text/html,*/*;q=0.8", True), ("*/*", False), ("application/json", False), ("", False),
        ("application/json,text/html;q=0.9", False), ("text/html;q=0", False), ("text/html;q=what", True),
    ],
)  # fmt: skip
async def test_errors_are_rendered_for_who_asks(web: httpx.AsyncClient, accept: str, html: bool) -> None:
    """Whoever would rather have HTML gets it, everybody else problem+json."""
    answer = await web.get("/no/such/thing", headers={"accept": accept})
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html" if html else "application/problem+json")


async def test_another_spelling_leads_to_the_symbols_own_address(web: httpx.AsyncClient) -> None:
    """One page per symbol: /stocks/aapl is /stocks/AAPL."""
    answer = await web.get("/stocks/aapl")
    assert (answer.status_code, answer.headers["location"]) == (303, "/stocks/AAPL")


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("aa", ["AAPL"]), ("corporation", ["MSFT", "IBM"]), ("fb", ["FB"]), ("", []), ("%", [])],
)
async def test_search_suggests_by_symbol_and_name(web: httpx.AsyncClient, typed: str, expected: list[str]) -> None:
    """Stored symbols that begin with the text come first, then those whose name holds it."""
    text = (await web.get("/search", params={"q": typed}, headers=part("suggestions"))).text
    found = re.findall(r'<a href="/stocks/([^"]+)"><strong>\1</strong> <span>(?!Look)', text)
    assert found == expected


async def test_search_offers_to_look_an_unknown_symbol_up(web: httpx.AsyncClient) -> None:
    """What could be a symbol but isn't stored can be opened, which looks it up; what can't be one says so."""
    unknown = (await web.get("/search", params={"q": "tsla"}, headers=part("suggestions"))).text
    assert '<a href="/stocks/TSLA"><strong>TSLA</strong> <span>Look it up' in unknown
    no_symbol = (await web.get("/search", params={"q": "<b>"}, headers=part("suggestions"))).text
    assert "No symbol can look like that" in no_symbol


async def test_search_works_without_a_script(web: httpx.AsyncClient) -> None:
    """Enter opens the symbol that was typed; a company's name leads to a page of results."""
    exact = await web.get("/search", params={"q": "aapl"}, headers=HTML)
    assert (exact.status_code, exact.headers["location"]) == (303, "/stocks/AAPL")
    named = await web.get("/search", params={"q": "apple"}, headers=HTML)
    assert (named.status_code, "/stocks/AAPL" in named.text) == (200, True)


async def test_the_watchlist_is_changed_by_plain_forms(web: httpx.AsyncClient, seeded: Database) -> None:
    """The buttons are forms: they work without a script and lead back to the page."""
    assert 'action="/stocks/FB/watch"' in (await web.get("/stocks/FB", headers=HTML)).text
    added = await web.post("/stocks/FB/watch", headers={**HTML, "sec-fetch-site": "same-origin"})
    assert (added.status_code, added.headers["location"]) == (303, "/stocks/FB")
    removed = await web.post("/stocks/AAPL/unwatch")
    assert removed.headers["location"] == "/stocks/AAPL"
    with seeded.read() as db:
        assert store.watchlist(db) == ["MSFT", "GOOG", "IBM", "FB"]


async def test_what_a_source_says_is_never_markup(web: httpx.AsyncClient, seeded: Database) -> None:
    """A company's name and an error's text are escaped, in the page and inside the figure's JSON."""
    with seeded.write() as db:
        db.connection().exec_driver_sql("UPDATE symbol SET name = '<script>alert(1)</script>' WHERE symbol = 'AAPL'")
    for address in ("/", "/stocks/AAPL", "/data"):
        text = (await web.get(address, headers=HTML)).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert" in text


async def test_the_data_page_shows_what_was_kept_out(web: httpx.AsyncClient, seeded: Database) -> None:
    """Quarantined bars are listed with the rule that they failed."""
    with seeded.write() as db:
        held = {"symbol": "AAPL", "session": NOW.date(), "source": "yahoo", "fetched_at": NOW, "close": 43_047.0}
        db.add(QuarantineRow(**held, rule="price_jump", detail="the close is 100 times the one before"))
    text = (await web.get("/data")).text
    assert "price jump" in text
    assert "the close is 100 times the one before" in text


async def test_a_bar_kept_out_is_dropped_or_released_by_hand(web: httpx.AsyncClient, seeded: Database) -> None:
    """What is dropped stays out, what is released is stored; nothing is decided twice."""
    prices = {"open": 40.0, "high": 44.0, "low": 39.0, "close": 43.0, "volume": 1000}
    with seeded.write() as db:
        for symbol in ("FB", "GOOG"):
            held = {"symbol": symbol, "session": NOW.date() + timedelta(days=3), "source": "sample", "fetched_at": NOW}
            db.add(QuarantineRow(**held, **prices, rule="off_level", detail="far from its neighbours"))
            db.flush()
    assert "Release" in (await web.get("/data")).text
    # Entry 1 is a bar of the sample itself.
    answers = [await web.post(f"/data/quarantine/{path}") for path in ("2/drop", "3/release", "3/release", "9/drop")]
    assert [answer.status_code for answer in answers] == [303, 303, 422, 404]
    assert (await web.post("/data/quarantine/1/burn")).status_code == 422
    assert (await web.post(f"/data/quarantine/{10**30}/drop")).status_code == 422
    page = (await web.get("/stocks/AAPL/changes", headers=HTML)).text
    assert "/data/quarantine/1/drop?back=/stocks/AAPL/changes" in page
    done = await web.post("/data/quarantine/1/drop?back=/stocks/AAPL/changes")
    assert done.headers["location"] == "/stocks/AAPL/changes#held-title"
    page = (await web.get("/stocks/AAPL/changes", headers=HTML)).text
    assert ("<td>dropped</td>" in page, "Decide" in page) == (True, False)
    with seeded.read() as db:
        last = store.last_bars(db, ["FB", "GOOG"])
        assert (last["FB"].session, last["GOOG"].close) == (NOW.date(), 43.0)


async def test_regions_and_pages_are_told_apart_by_caches(web: httpx.AsyncClient) -> None:
    """One address has several answers: caches must know which headers decide."""
    answer = await web.get("/stocks/AAPL", headers=HTML)
    assert {"Accept", "HX-Request-Type", "HX-Target"} <= {name.strip() for name in answer.headers["vary"].split(",")}
    assert answer.headers["cache-control"] == "no-cache"
