"""The chart's choices in a browser: switched in place, by keyboard, and remembered."""

import pytest
from playwright.sync_api import expect

from tests.e2e.test_pages import InWindow

pytestmark = pytest.mark.e2e


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
