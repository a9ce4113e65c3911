"""A real browser and a real server on this machine; whatever a page complains about, or asks of others, is kept."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from app.core.settings import Settings
from app.main import create_app
from tests.conftest import NO_BROWSER
from tests.web.conftest import NOW, WATCHED, _seeded
from tests.web.serving import serve

__all__ = ["_seeded"]

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium; without one the tests are skipped, loudly at the end, and with `CI` set they fail.

    It ends with its module: while Playwright runs, no asynchronous test of another one could.
    """
    path = next((found for name in ("chromium", "chromium-browser") if (found := shutil.which(name))), None)
    if path is None:
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up(NO_BROWSER)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def served(_seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the sample and a champion to all tests that change nothing."""
    home = tmp_path_factory.mktemp("served")
    shutil.copytree(_seeded, home, dirs_exist_ok=True)
    settings = Settings(
        home=home / "var", models_dir=home / "trained_models", source="sample", symbols=WATCHED, now=NOW
    )
    with serve(create_app(settings, "127.0.0.1")) as address:
        yield address


@dataclass
class Visit:
    """A page in a window, and what went wrong in it."""

    page: Page
    base: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """Open a path of the service, and wait until its chart, if it has one, is drawn."""
        self.page.goto(self.base + path)
        expect(self.page.locator("[data-chart]:not([data-drawn])")).to_have_count(0, timeout=20_000)
        return self.page

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than the window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


@pytest.fixture
def visit(browser: Browser, served: str) -> Iterator[Any]:
    """Return a function that opens a window; at the test's end nothing may have gone wrong in any of them."""
    contexts: list[BrowserContext] = []
    visits: list[Visit] = []

    def in_window(width: int = 1440, scheme: Any = "light", base: str = served, *, script: bool = True) -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=script
        )
        contexts.append(context)
        made = Visit(context.new_page(), base)
        visits.append(made)
        note = made.complaints.append
        made.page.on("console", lambda said: note(said.text) if said.type in {"error", "warning"} else None)
        made.page.on("pageerror", lambda error: note(str(error)))
        made.page.on(
            "request", lambda asked: None if asked.url.startswith((base, "data:")) else note(f"asked {asked.url}")
        )
        return made

    yield in_window
    for context in contexts:
        context.close()
    assert [complaint for one in visits for complaint in one.complaints] == []
