"""What changes something, in a browser: each by keyboard alone or without a script too."""

import re
from collections.abc import Iterator
from datetime import date

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
from app.prices.store.tables import QuarantineRow
from app.web.api import jobs
from tests.e2e.test_pages import InWindow
from tests.web.conftest import NOW, Build, apps, bare, build, put_champion, settings
from tests.web.serving import serve

__all__ = ["apps", "bare", "build", "settings"]

pytestmark = pytest.mark.e2e


@pytest.fixture
def new_service(bare: FastAPI, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve an empty store whose first run the test plays itself; its stream looks often for what changed."""
    monkeypatch.setattr(jobs, "LOOK_EVERY_S", 0.1)
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


def test_the_keyboard_alone_decides_on_a_held_bar(visit: InWindow, new_service: str, database: Database) -> None:
    """A bar in quarantine is released, another dropped; the page comes back at the list and says so."""
    store_sample(database, NOW)
    bar = {"symbol": "AAPL", "source": "yahoo", "fetched_at": NOW, "rule": "test", "detail": "a jump", "volume": 1}
    prices = {"open": 430.0, "high": 431.0, "low": 429.0, "close": 430.5}
    with database.write() as db:
        db.add_all(QuarantineRow(session=date(2013, 2, day), **bar, **prices) for day in (27, 28))
    page = visit(390, base=new_service).open("/data")
    row = page.locator("section[aria-labelledby=held-title] tbody tr").first
    row.get_by_role("button", name="release").press("Enter")
    expect(row).to_contain_text("released")
    page.get_by_role("button", name="drop").first.press("Enter")
    expect(page.get_by_text("dropped", exact=True).first).to_be_visible()


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
