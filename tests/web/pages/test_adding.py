"""Finding a symbol to add: in the store at once, at the source within limits, with and without a script."""

import re
from dataclasses import dataclass, field

import httpx
import pytest
from fastapi import FastAPI

from app.core.db import Database
from app.prices import store
from app.prices.sources.protocol import FetchFailed, Match, Unreachable
from app.web.views import search
from tests.prices.market import Market
from tests.web.conftest import talk_to
from tests.web.pages.test_board import FORM
from tests.web.pages.test_pages import HTML, Checked, part


@dataclass
class Directory(Market):
    """A market that finds symbols, and counts what it is asked."""

    hits: tuple[Match, ...] = (
        Match("APP", "AppLovin", "NASDAQ"),
        Match("AAPL", "Apple", None),
        Match("X", "<b>", None),
    )
    failure: FetchFailed | None = None
    searched: list[str] = field(default_factory=list)

    __hash__ = object.__hash__

    def search(self, text: str, timeout_s: float) -> list[Match]:
        """Answer, or fail."""
        assert timeout_s <= search.SEARCH_S
        self.searched.append(text)
        if self.failure:
            raise self.failure
        return list(self.hits)


@pytest.fixture
def directory(app: FastAPI) -> Directory:
    """Give the service a source that finds symbols."""
    made = Directory({})
    app.state.nextclose.__dict__["source"] = made
    return made


async def test_stored_symbols_come_at_once_and_the_sources_follow(web: httpx.AsyncClient, directory: Directory) -> None:
    """The first answer asks nobody and has a region that asks; that one has only what isn't stored, escaped."""
    first = (await web.get("/watchlist/search?symbol=a", headers=part("choices"))).text
    assert 'href="/stocks/AAPL"' in first, "it is watched: there is nothing to add"
    first = (await web.get("/watchlist/search?symbol=fb", headers=part("choices"))).text
    assert '<button name="symbol" value="FB">' in first
    assert 'id="elsewhere"' in first
    assert directory.searched == []
    asked = re.search(r'hx-get="([^"]+)"', first)
    assert asked is not None
    second = (await web.get("/watchlist/search?symbol=app", headers=part("elsewhere"))).text
    assert second.lstrip().startswith('<ul id="elsewhere"')
    assert re.findall(r'value="([^"]+)"', second) == ["APP", "X"]
    assert "&lt;b&gt;" in second
    assert "hx-get" not in second


async def test_the_source_is_asked_once_and_rests_when_it_fails(web: httpx.AsyncClient, directory: Directory) -> None:
    """The same text again, in whatever case, is answered from memory; a failure is a quiet line, and a pause."""
    for text in ("app", "APP ", "app"):
        await web.get("/watchlist/search", params={"symbol": text}, headers=part("elsewhere"))
    assert directory.searched == ["APP"]
    await web.get("/watchlist/search?symbol=a", headers=part("elsewhere"))
    assert directory.searched == ["APP"], "one letter finds anything"
    directory.failure = Unreachable("Yahoo can't be reached")
    for text in ("tesla", "tesl"):
        answer = await web.get("/watchlist/search", params={"symbol": text}, headers=part("elsewhere"))
        assert (answer.status_code, "only what is stored is found" in answer.text) == (200, True)
    assert directory.searched == ["APP", "TESLA"]
    assert (await web.get("/watchlist/search", params={"symbol": "a" * 41})).status_code == 422


async def test_a_guest_asks_the_source_nothing(app: FastAPI, directory: Directory) -> None:
    """Who may add nothing finds what is stored, and where to sign in."""
    async with talk_to(app, "192.0.2.7") as stranger:
        page = await stranger.get("/watchlist/search?symbol=app", headers=HTML)
        region = await stranger.get("/watchlist/search?symbol=app", headers=part("elsewhere"))
    assert directory.searched == []
    assert "Sign in" in page.text
    assert 'hx-get="/watchlist' not in page.text + region.text


async def test_a_name_that_was_typed_leads_to_what_it_may_mean(web: httpx.AsyncClient, directory: Directory) -> None:
    """Without a script the form is sent: a symbol is added, a company's name is looked for, and chosen by a button."""
    answer = await web.post("/watchlist", content="symbol=applovin", headers=FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, "/watchlist/search?symbol=applovin")
    page = await web.get(answer.headers["location"], headers=HTML)
    Checked(page.text)
    assert '<button name="symbol" value="APP">' in page.text
    assert directory.searched == ["APPLOVIN"]
    chosen = await web.post("/watchlist", content="symbol=applovin&symbol=FB", headers=FORM)
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/")


async def test_a_symbol_is_removed_on_the_board(web: httpx.AsyncClient, seeded: Database) -> None:
    """Each row has its button; a store without a watchlist has none, for there is nothing to remove."""
    assert 'aria-label="Remove IBM from the watchlist"' in (await web.get("/", headers=HTML)).text
    answer = await web.post("/watchlist/IBM/remove", headers={"sec-fetch-site": "same-origin"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    with seeded.read() as db:
        left = store.watchlist(db)
    assert left == ["AAPL", "MSFT", "GOOG"]
    with seeded.write() as db:
        store.unwatch(db, left)
    assert 'from the watchlist"' not in (await web.get("/", headers=HTML)).text


async def test_the_board_says_how_the_system_stands(web: httpx.AsyncClient) -> None:
    """Prices with their age, the model, the monitoring's verdict, what runs and what comes next."""
    text = (await web.get("/", headers=HTML)).text
    strip = re.search(r'<dl class="system".*?</dl>', text, re.DOTALL)
    assert strip is not None
    for said in ("up to date", "the bundled sample", "version v1", "not yet", "none running", "4 Mar 2013, 21:32 UTC"):
        assert said in strip[0], said
