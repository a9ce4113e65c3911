"""The first page and the screener lead with what is known: how far a symbol may go, and what a reader asks of it."""

import re
from datetime import date

import httpx
import polars as pl
import pytest
from sqlmodel import col, update

from app.core.db import Database
from app.prices import store
from app.prices.frame import REPORTED_SCHEMA
from app.prices.store import event_updates
from app.prices.store.tables import SymbolRow
from app.web.edge.deps import Memo
from app.web.pages import operations
from tests.web.conftest import NOW, WATCHED
from tests.web.pages.test_pages import HTML, part

FORM = {"content-type": "application/x-www-form-urlencoded"}


async def test_a_price_is_asked_the_chance_of(web: httpx.AsyncClient) -> None:
    """The page's figure is the JSON's, with and without a script; a price that is none is refused."""
    page = (await web.get("/stocks/AAPL?above=440", headers=HTML)).text
    said = (await web.get("/api/chance/AAPL?above=440")).json()
    assert 0 < said["probability"] < 0.5
    assert f"<strong>{said['probability'] * 100:.1f}\u202f%</strong> above 440.00" in page
    assert (await web.get("/stocks/AAPL?above=440", headers=part("forecast"))).text.lstrip().startswith("<section")
    assert [(await web.get(f"/api/chance/AAPL?above={text}")).status_code for text in ("0", "x", "inf")] == [422] * 3
    assert (await web.get("/api/chance/NOPE?above=1")).status_code == 404


async def test_without_a_watchlist_stored_symbols_are_shown(web: httpx.AsyncClient, seeded: Database) -> None:
    """A store that was filled by an import isn't an empty page; a symbol is put on the list from here."""
    with seeded.write() as db:
        store.unwatch(db, WATCHED)
    text = (await web.get("/", headers=HTML)).text
    assert "Nothing is on the watchlist yet" in text
    assert text.count('<tr role="row" id="row-') == 5
    answer = await web.post("/watchlist", content="symbol=+ibm", headers=FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    text = (await web.get("/", headers=HTML)).text
    assert text.count('<tr role="row" id="row-') == 1
    assert ">IBM</a>" in text


@pytest.mark.parametrize(("sent", "status"), [("symbol=", 422), ("", 422), ("symbol=%3Cb%3E", 422), ("&" * 99, 422)])
async def test_what_is_no_symbol_isnt_put_on_the_list(web: httpx.AsyncClient, sent: str, status: int) -> None:
    """An empty form, markup, or too many fields are a page that says so."""
    assert (await web.post("/watchlist", content=sent, headers=FORM)).status_code == status


async def test_the_board_is_sorted_by_its_headings(web: httpx.AsyncClient) -> None:
    """Widest first, and the heading says which way; the board's order survives its own refresh."""
    text = (await web.get("/?sort=-move", headers=HTML)).text
    moves = [float(one) for one in re.findall(r'data-label="Expected move">\s*±([\d.]+)', text)]
    assert moves == sorted(moves, reverse=True)
    assert 'aria-sort="descending"><a href="/?sort=move">Expected move' in text
    assert 'hx-get="/?sort=-move"' in text
    assert (await web.get("/?sort=nonsense", headers=HTML)).status_code == 422


async def test_the_board_is_narrowed_to_what_stands_out(web: httpx.AsyncClient, seeded: Database) -> None:
    """The rows that are so and no others; the order stays, and the whole list is a click away."""
    none = (await web.get("/?only=results", headers=HTML)).text
    assert f"None of these {len(WATCHED)} symbols" in none
    assert '<a href="/">Show all</a>' in none
    assert 'id="adder"' in none
    days = [("AAPL", date(2013, 3, 6), "amc", None), ("MSFT", date(2013, 4, 18), "amc", None)]
    calm = pl.when(pl.int_range(pl.len()) % 2 == 0).then(27.0).otherwise(27.1)
    with seeded.write() as db:
        event_updates.update(db, pl.DataFrame(days, schema=REPORTED_SCHEMA, orient="row"), "yahoo", NOW)
        prices = dict.fromkeys(("open", "high", "low", "close"), calm)
        store.upsert(db, store.history(db, "MSFT", last=251).with_columns(**prices), "sample", NOW)
    for only, title, symbol in (
        ("wider", "Wider than usual", "MSFT"),
        ("results", "Results within 5 sessions", "AAPL"),
    ):
        text = (await web.get(f"/?sort=symbol&only={only}", headers=HTML)).text
        assert f'<a href="/?sort=symbol" aria-current="true">{title} <small>1</small></a>' in text
        assert re.findall(r'class="who"><a href="/stocks/(\w+)">', text) == [symbol]
    assert (await web.get("/?only=nonsense", headers=HTML)).status_code == 422


async def test_the_screener_is_sorted_and_paged(web: httpx.AsyncClient) -> None:
    """From the first by name, as many as are asked for, and on to the next ones."""
    screen = (await web.get("/screener?sort=symbol&limit=2", headers=HTML)).text
    assert re.findall(r'<th scope="row"><a href="/stocks/(\w+)">', screen) == ["AAPL", "FB"]
    assert "1 to 2 of 5" in screen
    assert 'href="/screener?sort=symbol&amp;limit=2&amp;offset=2"' in screen


async def test_stored_symbols_are_listed_page_by_page(web: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, a page stays light; past the end it says so."""
    monkeypatch.setattr(operations, "LISTED", 2)
    first, second = [(await web.get("/data", params={"offset": offset})).text for offset in (0, 2)]
    assert "1 to 2 of 5" in first
    assert 'href="/data?offset=2" rel="next"' in first
    assert 'href="/data?offset=0" rel="prev"' in second
    assert "No symbol is listed so far down" in (await web.get("/data", params={"offset": 9})).text


async def test_what_several_refreshes_failed_for_is_told_once(web: httpx.AsyncClient, seeded: Database) -> None:
    """Above the rows, which keep their outcome; a reason of its own stays in its row."""
    with seeded.write() as db:
        line = "Yahoo can't be reached (" + col(SymbolRow.symbol) + "): no line."
        db.connection().execute(update(SymbolRow).values(outcome="unreachable", error=line))
        unread = update(SymbolRow).where(col(SymbolRow.symbol) == "FB")
        db.connection().execute(unread.values(outcome="malformed", error="no FB"))
        first = update(SymbolRow).where(col(SymbolRow.symbol) == "IBM")
        db.connection().execute(first.values(error="Yahoo answered 503 for IBM"))
    text = (await web.get("/data")).text
    told = "The last refresh of 3 symbols failed: Yahoo can&#39;t be reached: no line.<"
    section = text.partition('id="stored-title"')[2]
    assert [section.count(one) for one in (told, "no line", "no FB", "Yahoo answered 503 for IBM")] == [1, 1, 1, 1]
    assert (section.count("unreachable"), section.count("malformed")) == (4, 1)


def test_what_is_due_is_made_together_and_nothing_is_older_than_its_grounds() -> None:
    """Only what rests on something else than before is made; a name that wasn't made has no value."""
    memo, asked = Memo(9), list[list[str]]()

    def make(due: list[str]) -> dict[str, str]:
        asked.append(due)
        return {name: name.upper() for name in due if name != "c"}

    assert memo.of_many("x", {"a": 1, "b": 1}, make) == {"a": "A", "b": "B"}
    assert memo.of_many("x", {"a": 1, "b": 2, "c": 1}, make) == {"a": "A", "b": "B"}
    assert memo.of_many("x", {"a": 1}, make) == {"a": "A"}
    assert asked == [["a", "b"], ["b", "c"]]
