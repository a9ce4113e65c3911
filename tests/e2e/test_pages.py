"""The pages in a browser: drawn, in both themes and widths, alone on their origin, with and without a script."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Visit

pytestmark = pytest.mark.e2e

InWindow = Callable[..., Visit]
CANDLES = "[data-drawn] .boxlayer path.box"
PLACES = "(labels) => labels.map((one) => one.getBoundingClientRect()).map((box) => [box.left, box.right])"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_a_page_is_drawn_and_keeps_to_itself(visit: InWindow, width: int, scheme: str) -> None:
    """No complaint, no request to others, nothing wider than the window; the forecast and the chart are there."""
    window = visit(width, scheme)
    page = window.open("/")
    assert window.overflow() <= 0
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator(".watch tbody tr")).to_have_count(4)
    expect(page.locator(".watch svg.strip").first).to_be_visible()
    window.open("/stocks/AAPL")
    assert window.overflow() <= 0
    expect(page.locator("h1")).to_be_visible()
    assert page.locator(CANDLES).count() > 100
    expect(page.locator(".spark")).to_be_hidden()
    expect(page.locator("#forecast circle")).to_have_count(20)


def test_the_board_stays_in_its_frame(visit: InWindow) -> None:
    """At no width is the table wider than what stands above it; the column with the buttons is part of it."""
    page = visit().open("/")
    expect(page.locator(".watch .act button").first).to_be_visible()
    for width in (1440, 1200, 1024, 800):
        page.set_viewport_size({"width": width, "height": 900})
        table, above = page.locator(".watch").bounding_box(), page.locator(".system").bounding_box()
        assert table is not None
        assert above is not None
        assert table["x"] + table["width"] <= above["x"] + above["width"] + 0.5, width


def test_every_other_page_fits_a_phone(visit: InWindow) -> None:
    """Wide tables scroll inside themselves, the page doesn't."""
    window = visit(390)
    for path in (
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
    ):
        window.open(path)
        assert window.overflow() <= 0, path


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


def test_an_indicator_is_switched_in_place_and_remembered(visit: InWindow) -> None:
    """By keyboard alone: the focus stays where it was, the page too, and the next stock's chart opens alike."""
    page = visit().open("/stocks/AAPL")
    page.evaluate("window.stayed = true")
    page.get_by_role("link", name="Show RSI 14").focus()
    page.keyboard.press("Enter")
    link = page.get_by_role("link", name="Hide RSI 14")
    expect(link).to_be_focused()
    expect(page.locator("[data-drawn] .annotation-text")).to_have_text(["Volume", "RSI 14"])
    assert page.evaluate("window.stayed")
    assert page.url.endswith("/stocks/AAPL?range=6M&show=sma_20,sma_50,volume,rsi")
    page.goto(page.url.replace("AAPL", "MSFT").partition("?")[0])
    expect(page.locator("h1")).to_contain_text("MSFT")
    expect(link).to_be_visible()


def test_a_phone_shows_what_tables_tell_and_where_one_is(visit: InWindow) -> None:
    """No text stands out of sight beside its row, and the navigation has moved to the page that is open."""
    page = visit(390).open("/jobs")
    places = page.locator("td.text").evaluate_all("(cells) => cells.map((one) => one.getBoundingClientRect().right)")
    assert places
    assert max(places) <= 390
    expect(page.locator(".top nav [aria-current]")).to_be_in_viewport(ratio=0.9)


@pytest.mark.parametrize("width", [390, 1440])
def test_no_label_of_the_time_axis_touches_the_next(visit: InWindow, width: int) -> None:
    """On a phone fewer labels are drawn, but some are; in every range."""
    page = visit(width).open("/stocks/AAPL?range=3M")
    for span in ("1M", "6M", "1Y", "5Y", "All"):
        page.get_by_role("link", name=span, exact=True).click()
        expect(page.locator(".segments [aria-current]")).to_have_text(span)
        expect(page.locator("[data-chart]:not([data-drawn])")).to_have_count(0)
        places = sorted(page.locator("#chart .xtick text").evaluate_all(PLACES))
        assert len(places) >= 2, span
        assert all(right + 4 <= left for (_, right), (left, _) in pairwise(places)), span


def test_the_chart_follows_the_theme(visit: InWindow) -> None:
    """When the system turns dark the figure is drawn again in the other colours."""
    page = visit(scheme="light").open("/stocks/AAPL")
    candle = page.locator(CANDLES).first
    light = candle.evaluate("path => getComputedStyle(path).stroke")
    page.emulate_media(color_scheme="dark")
    expect(candle).not_to_have_css("stroke", light, timeout=20_000)


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
    page.get_by_role("link", name="sessions").click()
    expect(page.locator(".numbers tbody tr")).to_have_count(252)
    page.get_by_role("link", name="Older").click()
    expect(page.locator("h2").first).to_contain_text("253 to 504 of")
    page.get_by_role("searchbox").fill("ibm")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("IBM")
