"""Signing in: what the cookie opens, for how long, and who can't get one."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from app.core import clock
from app.core.db import Database
from app.core.settings import Settings
from app.prices import store
from app.web import routers
from app.web.edge import login, render
from tests.web.conftest import Build, talk_to
from tests.web.pages.test_pages import HTML, Checked

TOKEN = SecretStr("a long random text")
OWN = {**HTML, "sec-fetch-site": "same-origin", "origin": "http://nextclose.example"}
FORM = {**OWN, "content-type": "application/x-www-form-urlencoded"}
RIGHT = f"token={TOKEN.get_secret_value().replace(' ', '+')}&next=/stocks/FB"


@pytest.fixture
def guarded(settings: Settings, database: Database, build: Build) -> FastAPI:
    """Build a service with an admin token over a store that knows one symbol."""
    with database.write() as db:
        store.watch(db, ["AAPL"], clock.wall())
    return build(settings.model_copy(update={"admin_token": TOKEN}), "192.0.2.1")


@pytest.fixture
async def browser(guarded: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client from afar that keeps cookies."""
    async with talk_to(guarded, "192.0.2.7", "http://nextclose.example") as client:
        yield client


async def signed_in(browser: httpx.AsyncClient) -> httpx.Response:
    """Sign in."""
    return await browser.post("/login", content=RIGHT, headers=FORM)


async def test_the_token_becomes_a_cookie_and_leads_back(browser: httpx.AsyncClient) -> None:
    """No script can read it and no other site's request brings it; the page then has its buttons, until sign-out."""
    before = await browser.get("/jobs", headers=HTML)
    assert '<a href="/login?next=%2Fjobs">Sign in</a> to start and cancel jobs' in before.text
    answer = await signed_in(browser)
    assert (answer.status_code, answer.headers["location"]) == (303, "/stocks/FB")
    said = answer.headers["set-cookie"].lower()
    assert said.startswith("nextclose_admin=")
    assert {"httponly", "samesite=strict", "path=/", "max-age=7200"} <= {part.strip() for part in said.split(";")}
    assert "long" not in said, "the token itself stays on the server"
    page = await browser.get("/jobs", headers=HTML)
    assert "Start refresh" in page.text
    assert "Sign out" in page.text
    assert (await browser.post("/stocks/AAPL/unwatch", headers=OWN)).status_code == 303
    assert "until" in (await browser.get("/login", headers=HTML)).text
    await browser.post("/logout", headers=OWN)
    assert "Start refresh" not in (await browser.get("/jobs", headers=HTML)).text
    assert (await browser.post("/stocks/AAPL/unwatch", headers=OWN)).status_code == 401


async def test_over_tls_the_cookie_never_leaves_it(guarded: FastAPI) -> None:
    """Where the page came by HTTPS, the cookie is for HTTPS alone."""
    async with talk_to(guarded, "192.0.2.7", "https://nextclose.example") as client:
        answer = await client.post("/login", content=RIGHT, headers={**FORM, "origin": "https://nextclose.example"})
    assert "; Secure" in answer.headers["set-cookie"]


async def test_another_sites_form_changes_nothing_with_the_cookie(
    browser: httpx.AsyncClient, database: Database
) -> None:
    """Neither a named other site, nor one that says nothing of where it comes from; nor does it sign anybody in."""
    await signed_in(browser)
    for headers in (
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {},
    ):
        answer = await browser.post("/stocks/AAPL/unwatch", headers={**HTML, **headers})
        assert (answer.status_code, "Not allowed from here" in answer.text) == (403, True), headers
    with database.read() as db:
        assert store.watchlist(db) == ["AAPL"]
    browser.cookies.clear()
    cross = {**FORM, "origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    answer = await browser.post("/login", content=RIGHT, headers=cross)
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


async def test_the_cookie_is_for_pages_alone(browser: httpx.AsyncClient) -> None:
    """The JSON API is asked with the bearer token, as ever."""
    await signed_in(browser)
    assert (await browser.put("/api/watchlist/AAPL", headers=OWN)).status_code == 401
    bearer = {"authorization": f"Bearer {TOKEN.get_secret_value()}"}
    assert (await browser.delete("/api/watchlist/AAPL", headers=bearer)).status_code == 200


def test_a_cookie_that_was_forged_or_has_expired_counts_nothing() -> None:
    """Another key, another end, a bare number, rubbish, a past end; and another token voids all of them."""
    now = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    value = login.issue(TOKEN, now)
    end, _, mac = value.partition(".")
    assert login.until(TOKEN, value, now) == now + login.LASTS
    assert login.until(TOKEN, value, now + login.LASTS - timedelta(seconds=1)) is not None
    assert login.until(TOKEN, value, now + login.LASTS) is None
    for forged in (f"{int(end) + 1}.{mac}", f"{end}.{mac[:-1]}", f"{end}.", end, ".", "", None, f"é.{mac}", f"{end}.é"):
        assert login.until(TOKEN, forged, now) is None, forged
    assert login.until(SecretStr("another"), value, now) is None


async def test_a_forged_cookie_is_a_guest(browser: httpx.AsyncClient) -> None:
    """The page says where to sign in, and the form's answer leads back to the page that it was on."""
    browser.cookies.set(login.COOKIE, login.issue(SecretStr("guess"), clock.wall()))
    assert "Start refresh" not in (await browser.get("/jobs", headers=HTML)).text
    at = {**OWN, "referer": "http://nextclose.example/stocks/AAPL?range=1M"}
    answer = await browser.post("/stocks/AAPL/unwatch", headers=at)
    assert (answer.status_code, "Sign in first" in answer.text) == (401, True)
    assert 'href="/login?next=%2Fstocks%2FAAPL"' in answer.text
    Checked(answer.text)


async def test_wrong_tokens_are_said_and_soon_refused(guarded: FastAPI, browser: httpx.AsyncClient) -> None:
    """After ten even the right one waits, from this address alone; the form and the bearer count together."""
    wrong = await browser.post("/login", content="token=guess", headers=FORM)
    assert (wrong.status_code, "That is not the token" in wrong.text) == (401, True)
    assert "guess" not in wrong.text
    Checked(wrong.text)
    for _ in range(login.TRIES - 1):
        assert (await browser.put("/api/watchlist/A", headers={"authorization": "Bearer guess"})).status_code == 401
    answer = await signed_in(browser)
    assert (answer.status_code, "Too many wrong tokens" in answer.text) == (429, True)
    assert 0 < int(answer.headers["retry-after"]) <= login.WITHIN_S + 1
    async with talk_to(guarded, "192.0.2.8", "http://nextclose.example") as other:
        assert (await signed_in(other)).status_code == 303


def test_the_addresses_that_tried_are_bounded() -> None:
    """Guesses from ever new addresses don't fill the memory, and an address is free again after a minute."""
    attempts = login.Attempts()
    for number in range(3000):
        attempts.note(str(number))
    assert len(attempts._wrong) == 1024
    for _ in range(login.TRIES):
        attempts.note("here")
    assert 0 < attempts.pause_s("here") <= login.WITHIN_S + 1
    attempts._wrong["here"][0] -= login.WITHIN_S + 1
    assert attempts.pause_s("here") == 0


async def test_a_sign_in_leads_to_no_other_site(browser: httpx.AsyncClient) -> None:
    """Whatever the address says, the way leads back into the service; so does the link on the page."""
    for target in ("//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example", "evil", ""):
        assert render.own_path(target) == "/"
    assert render.own_path("/stocks/AAPL?range=1M") == "/stocks/AAPL?range=1M"
    assert "evil" not in (await browser.get("/login", params={"next": "//evil.example"}, headers=HTML)).text
    sent = httpx.QueryParams(token=TOKEN.get_secret_value(), next="//evil.example")
    answer = await browser.post("/login", content=str(sent), headers=FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize(
    ("client", "said"), [("127.0.0.1", "No sign-in needed here"), ("192.0.2.7", "Nobody can sign in yet")]
)
async def test_without_a_token_the_page_says_who_may_change(bare: FastAPI, client: str, said: str) -> None:
    """This machine may; from afar the page says what to set, and takes nothing."""
    async with talk_to(bare, client) as browser:
        page = await browser.get("/login", headers=HTML)
        posted = await browser.post("/login", content="token=x", headers={"content-type": FORM["content-type"]})
    assert (page.status_code, said in page.text, "set-cookie" in posted.headers) == (200, True, False)
    Checked(page.text)


def test_every_form_of_a_page_asks_who_it_is() -> None:
    """Whatever takes POST, PUT, PATCH or DELETE has a guard, but signing in and out, and /predict, which only reads."""
    guards = {"require_admin", "require_page_admin"}
    open_to_all = {
        route.path
        for router in routers()
        for route in router.routes
        if route.methods - {"GET", "HEAD"} and not guards & {one.dependency.__name__ for one in route.dependencies}
    }
    assert open_to_all == {"/predict", "/login", "/logout"}
