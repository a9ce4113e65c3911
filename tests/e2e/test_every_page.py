"""Every page that the service has: readable by all, quiet, still, and of use without a script."""

import re
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import expect

from app.web import routers
from tests.e2e.test_pages import InWindow

pytestmark = pytest.mark.e2e

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
NAMES = {"{symbol}": "AAPL", "{version}": "v1"}
NO_PAGES = {"/events.ics", "/decisions.atom"}
"""They answer readers of another kind."""
SAYS = {
    "/": "How far Mon 4 Mar 2013 may go",
    "/stocks/AAPL": "Each dot is one of 20 equally likely closes",
    "/stocks/AAPL/changes": "Bars that failed a check",
    "/stocks/AAPL/numbers": "1 to 252 of 3,269 sessions",
    "/screener": "AAPL",
    "/track-record": "Track record",
    "/models": "ridge, version v1",
    "/models/v1": "No point skill shown",
    "/monitoring": "How old the prices are",
    "/jobs": "Jobs",
    "/data": "Stored symbols",
}
"""What a reader comes for."""
LOOK = """async (rules) => (await axe.run({resultTypes: ["violations"], ...rules})).violations.map(
  (one) => `${one.id}: ${one.nodes[0].html.slice(0, 160)}`)"""
SHIFTED = """() => new Promise((tell) => {
  const what = ({node, previousRect: from, currentRect: to}) =>
    `${node?.outerHTML ?? node?.textContent} ${JSON.stringify([from, to])}`.slice(-400);
  new PerformanceObserver((list) => tell(list.getEntries().map((one) => one.sources.map(what))))
    .observe({type: "layout-shift", buffered: true});
  setTimeout(() => tell([]), 60);
})"""


def pages() -> list[str]:
    """Return the address of every page: of each route that the API doesn't describe, with names that exist."""
    paths: set[str] = set()
    for route in (route for router in routers() for route in router.routes):
        known: Any = route
        is_page = not known.include_in_schema and not known.path.startswith("/api") and known.path not in NO_PAGES
        if is_page and "GET" in known.methods:
            paths.add(re.sub(r"\{\w+\}", lambda name: NAMES[name[0]], known.path))
    return [*sorted(paths), "/search?q=a", "/stocks/NOWHERE1"]


def test_every_page_can_be_read_by_all(visit: InWindow) -> None:
    """axe-core finds nothing, of which the theme changes the contrast alone, and nothing moves once it was drawn."""
    window = visit(1440, "light")
    found: dict[str, Any] = {}
    for path in pages():
        page = window.open(path)
        moved = page.evaluate(SHIFTED)
        page.evaluate(AXE)
        light = page.evaluate(LOOK, {})
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        page.wait_for_function("matchMedia('(prefers-color-scheme: dark)').matches")
        expect(page.locator("[data-chart]:not([data-drawn])")).to_have_count(0)
        found[path] = (light, page.evaluate(LOOK, {"runOnly": ["color-contrast"]}), moved)
        page.emulate_media(color_scheme="light", reduced_motion="no-preference")
    window.complaints[:] = [said for said in window.complaints if "404 (Not Found)" not in said]  # asked for above
    for path, said in found.items():
        assert said == ([], [], []), path


def test_every_page_answers_without_a_script(visit: InWindow) -> None:
    """Its heading and what a reader comes for are seen; no chart waits to be drawn, and no field is dead."""
    window = visit(script=False)
    for path in pages():
        window.page.goto(window.base + path)
        main = window.page.locator("main")
        expect(window.page.locator("h1")).to_be_visible()
        if path in SAYS:
            expect(main).to_contain_text(re.compile(re.escape(SAYS[path]), re.IGNORECASE))
        expect(main.locator(".plot:visible")).to_have_count(0)
        assert main.locator("form:not([action]):not(:has([formaction]))").count() == 0, path
    window.complaints[:] = [said for said in window.complaints if "404 (Not Found)" not in said]
