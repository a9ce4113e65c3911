"""The pages in a browser: drawn, in both themes and widths, alone on their origin, with and without a script."""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from fastapi import FastAPI
from playwright.sync_api import expect
from pydantic import SecretStr

from app.core.clock import Clock
from app.core.db import Database
from app.core.settings import Settings
from app.jobs import runs
from app.prices import store
from app.prices.refresh.first_run import seed, store_sample
from tests.e2e.conftest import Visit
from tests.web.conftest import NOW, Build, apps, bare, build, put_champion, settings
from tests.web.serving import serve

__all__ = ["apps", "bare", "build", "settings"]

pytestmark = pytest.mark.e2e

InWindow = Callable[..., Visit]
CANDLES = "[data-drawn] .boxlayer path.box"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("path", ["/", "/stocks/AAPL"])
def test_a_page_is_drawn_and_keeps_to_itself(visit: InWindow, path: str, width: int, scheme: str) -> None:
    """No complaint, no request to others, nothing wider than the window; the forecast and the chart are there."""
    window = visit(width, scheme)
    page = window.open(path)
    assert window.overflow() <= 0
    expect(page.locator("h1")).to_be_visible()
    if path == "/":
        expect(page.locator(".watch tbody tr")).to_have_count(4)
        expect(page.locator(".watch svg.strip").first).to_be_visible()
    else:
        assert page.locator(CANDLES).count() > 100
        expect(page.locator(".spark")).to_be_hidden()
        expect(page.locator("#forecast circle")).to_have_count(20)


@pytest.mark.parametrize(
    "path",
    [
        "/stocks/FB",
        "/search?q=a",
        "/screener",
        "/models",
        "/models/v1",
        "/track-record",
        "/jobs",
        "/monitoring",
        "/alerts",
        "/data",
        "/docs",
    ],
)
def test_every_other_page_fits_a_phone(visit: InWindow, path: str) -> None:
    """Wide tables scroll inside themselves, the page doesn't."""
    window = visit(390)
    window.open(path)
    assert window.overflow() <= 0


def test_the_chance_of_a_price_is_asked_in_place(visit: InWindow) -> None:
    """Typed and asked by keyboard alone; the region is replaced, the chart stays."""
    page = visit().open("/stocks/AAPL")
    page.evaluate("window.stayed = true")
    page.get_by_label("Chance that it closes above").fill("440")
    page.keyboard.press("Enter")
    expect(page.locator("#forecast [role=status]")).to_contain_text("above 440.00")
    assert page.evaluate("window.stayed")


def test_a_theme_is_chosen_and_remembered(visit: InWindow) -> None:
    """A click goes from the system's theme to light to dark; the next page opens in it, its chart too."""
    page = visit(1440, "light").open("/")
    dark = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(dark)
    page.get_by_role("button", name="Theme: auto").click()
    assert page.evaluate(dark) == before
    page.get_by_role("button", name="Theme: light").click()
    assert page.evaluate(dark) != before
    page.goto(page.url + "stocks/AAPL")
    assert page.evaluate(dark) != before
    expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()


def test_the_keyboard_alone_finds_a_symbol(visit: InWindow) -> None:
    """A slash goes to the search, arrows through what it suggests and through the rows of a table."""
    page = visit().open("/screener")
    page.keyboard.press("/")
    page.keyboard.type("a")
    expect(page.locator("#suggestions a").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("AAPL")
    page.goto(page.url.partition("/stocks")[0] + "/screener?sort=symbol")
    page.locator("tbody th a").first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("tbody th a").nth(1)).to_be_focused()


def test_the_range_is_switched_in_place(visit: InWindow) -> None:
    """A click swaps the chart alone, draws it anew, and the address can be shared."""
    page = visit().open("/stocks/AAPL")
    page.evaluate("window.stayed = true")
    page.get_by_role("link", name="1M", exact=True).click()
    expect(page.locator("#chart figcaption")).to_contain_text("21 sessions")
    expect(page.locator(CANDLES)).to_have_count(21)
    assert page.evaluate("window.stayed")
    assert page.url.endswith("/stocks/AAPL?range=1M")
    expect(page.locator(".segments [aria-current]")).to_have_text("1M")


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("span", ["1M", "6M", "1Y", "5Y", "All"])
def test_no_label_of_the_time_axis_touches_the_next(visit: InWindow, width: int, span: str) -> None:
    """On a phone fewer labels are drawn, but some are."""
    page = visit(width).open(f"/stocks/AAPL?range={span}")
    boxes = [label.bounding_box() for label in page.locator("#chart .xtick text").all()]
    places = sorted((box["x"], box["x"] + box["width"]) for box in boxes if box is not None)
    assert len(places) >= 2
    assert all(right + 4 <= left for (_, right), (left, _) in pairwise(places))


def test_the_chart_follows_the_theme(visit: InWindow) -> None:
    """When the system turns dark the figure is drawn again in the other colours."""
    page = visit(scheme="light").open("/stocks/AAPL")
    candle = page.locator(CANDLES).first
    light = candle.evaluate("path => getComputedStyle(path).stroke")
    page.emulate_media(color_scheme="dark")
    expect(candle).not_to_have_css("stroke", light)


def test_search_works_by_keyboard(visit: InWindow) -> None:
    """Suggestions come while typing, can be reached by Tab, and leave with Escape."""
    page = visit().open("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    search = page.get_by_role("searchbox")
    search.focus()
    page.keyboard.type("micro")
    expect(page.locator("#suggestions a").first).to_contain_text("MSFT")
    page.keyboard.press("Escape")
    expect(page.locator("#suggestions a")).to_have_count(0)
    page.keyboard.type("s")
    expect(page.locator("#suggestions a").first).to_contain_text("MSFT")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/stocks/MSFT")


def test_without_a_script_everything_is_there(visit: InWindow) -> None:
    """The drawing stands in for the chart, ranges are links, search is a form, numbers are in a table."""
    window = visit(script=False)
    window.page.goto(f"{window.base}/stocks/AAPL")
    page = window.page
    expect(page.locator(".spark")).to_be_visible()
    page.get_by_role("link", name="1Y", exact=True).click()
    expect(page.locator("#chart figcaption")).to_contain_text("252 sessions")
    page.locator("summary").first.click()
    expect(page.locator(".numbers tbody tr").first).to_be_visible()
    page.get_by_role("searchbox").fill("ibm")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("IBM")


@pytest.fixture
def new_service(bare: FastAPI) -> Iterator[str]:
    """Serve an empty store whose first run the test plays itself."""
    with serve(bare) as address:
        yield address


def test_the_first_run_turns_into_the_watchlist_by_itself(
    visit: InWindow, new_service: str, settings: Settings, database: Database
) -> None:
    """The page is there at once, follows the run, and becomes the real thing without being touched."""
    seed(settings, database, Clock(NOW))
    run = runs.start(database, "first_run", "no champion", NOW)
    runs.report(database, run.id, 0.1, "asking for prices")
    window = visit(390, base=new_service)
    page = window.open("/")
    expect(page.locator("#setup-title")).to_have_text("Setting up")
    store_sample(database, NOW)
    runs.report(database, run.id, 0.5, "fold 3 of 20")
    expect(page.get_by_role("status").filter(has_text="fold 3 of 20")).to_be_visible(timeout=8_000)
    assert window.overflow() <= 0
    put_champion(settings, database)
    runs.finish(database, run.id, "done", "done", None, NOW)
    expect(page.locator("h1")).to_have_text(re.compile("How far Mon 4 Mar 2013 may go"), timeout=8_000)
    expect(page.locator(".watch svg.strip")).to_have_count(4)


def test_a_symbol_is_put_on_the_watchlist(
    visit: InWindow, new_service: str, settings: Settings, database: Database
) -> None:
    """The button is a form of our own page: it passes the guard, and the page comes back changed."""
    store_sample(database, NOW)
    put_champion(settings, database)
    window = visit(base=new_service)
    page = window.open("/stocks/AAPL")
    page.get_by_role("button", name="Add to watchlist").click()
    expect(page.get_by_role("button", name="Remove from watchlist")).to_be_visible()
    window.open("/")
    expect(page.locator(".watch tbody tr")).to_have_count(1)


def test_the_keyboard_alone_adds_a_symbol_and_removes_it(
    visit: InWindow, new_service: str, settings: Settings, database: Database
) -> None:
    """A slash goes to the field on the board, arrows through what is found, Enter adds; the row's button removes."""
    store_sample(database, NOW)
    put_champion(settings, database)
    with database.write() as db:
        store.watch(db, ["AAPL"], NOW)
    window = visit(390, base=new_service)
    page = window.open("/")
    page.keyboard.press("/")
    page.keyboard.type("international")
    expect(page.locator("#choices button")).to_have_count(1)
    expect(page.locator("#elsewhere")).to_have_text("The price source knows no other")
    assert window.overflow() <= 0
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(".watch tbody tr")).to_have_count(2)
    page.get_by_role("button", name="Remove AAPL from the watchlist").press("Enter")
    expect(page.locator(".watch tbody tr")).to_have_count(1)
    expect(page.locator(".watch .who")).to_contain_text("IBM")


def test_a_symbol_is_added_without_a_script(visit: InWindow, new_service: str, database: Database) -> None:
    """The form is sent; a company's name leads to a page of what it may mean, each a button."""
    store_sample(database, NOW)
    window = visit(base=new_service, script=False)
    page = window.page
    page.goto(f"{window.base}/")
    page.get_by_label("Add to the watchlist").fill("facebook")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="FB").click()
    expect(page.locator(".watch tbody tr")).to_have_count(1)


def test_a_job_is_followed_and_cancelled_in_place(
    visit: InWindow, new_service: str, settings: Settings, database: Database
) -> None:
    """Without a reload the run appears, moves on by the stream, is cancelled by its button, and says how it ended."""
    seed(settings, database, Clock(NOW))
    window = visit(390, base=new_service)
    page = window.open("/jobs")
    page.evaluate("window.stayed = true")
    run = runs.start(database, "train", "test", NOW)
    row = page.locator(f'[data-run="{run.id}"]')
    expect(row).to_be_visible(timeout=8_000)
    runs.report(database, run.id, 0.4, "fold 2 of 5")
    expect(row).to_contain_text("fold 2 of 5", timeout=8_000)
    expect(row).to_contain_text("left", timeout=8_000)
    expect(row.locator("progress")).to_have_js_property("value", 40)
    assert page.evaluate("window.stayed")
    assert window.overflow() <= 0
    row.get_by_role("button", name="Cancel train").click()
    expect(row).to_contain_text("stopping")
    page.evaluate("window.stayed = true")
    runs.finish(database, run.id, "lost", "ended", None, NOW)
    expect(row).to_contain_text("cancelled by hand", timeout=8_000)
    assert page.evaluate("window.stayed")
    window.open("/")  # the stream is closed with its page


def test_the_keyboard_alone_signs_in_changes_something_and_signs_out(
    visit: InWindow, settings: Settings, database: Database, build: Build
) -> None:
    """A guest is shown where to sign in, comes back to the page with its buttons, and loses them with the cookie."""
    seed(settings, database, Clock(NOW))
    with serve(build(settings.model_copy(update={"admin_token": SecretStr("sesame")}))) as address:
        window = visit(390, base=address)
        page = window.open("/alerts")
        page.get_by_role("link", name="Sign in").first.press("Enter")
        expect(page.get_by_label("Admin token")).to_be_focused()
        page.keyboard.type("sesame")
        page.keyboard.press("Enter")
        page.wait_for_url("**/alerts")
        page.get_by_role("button", name="Add a rule on results").press("Enter")
        page.get_by_role("button", name="Remove:").press("Enter")
        expect(page.get_by_text("There is no rule yet")).to_be_visible()
        page.get_by_role("button", name="Sign out").press("Enter")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert window.overflow() <= 0
        window.open("/alerts")
        expect(page.get_by_role("button", name="Add")).to_have_count(0)
        assert page.context.cookies() == []
