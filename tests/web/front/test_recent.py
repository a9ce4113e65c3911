"""Recent answers: sent again only while they are what would be sent."""

from datetime import UTC, datetime

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from app.core.db import Database
from app.core.settings import Settings
from app.jobs import runs
from app.prices import store
from app.web.front import recent
from tests.web.conftest import NOW, Build, put_champion, talk_to
from tests.web.predictions.test_answers import NEXT, put_bar, statements, turn_clock

PART = {"hx-request": "true", "hx-request-type": "partial", "hx-target": "div#chart"}


@pytest.mark.parametrize(
    "address",
    ["/", "/stocks/AAPL", "/data", "/track-record", "/models", "/jobs", "/api/symbols", "/search?q=a", "/embed/AAPL"],
)
async def test_the_same_question_is_answered_without_a_query(
    app: FastAPI, web: httpx.AsyncClient, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status, headers and body are those of the first answer, and the store isn't asked."""
    monkeypatch.setattr(recent, "KEPT_S", 60.0)  # a machine may stall for two seconds
    await web.get("/")  # makes the forecasts, which are rows of the ledger
    first = await web.get(address)
    with statements(app.state.nextclose.database.engine) as sent:
        again = await web.get(address)
    assert sent == []
    assert (again.status_code, again.headers, again.content) == (first.status_code, first.headers, first.content)


async def test_what_the_request_says_makes_another_answer(app: FastAPI, web: httpx.AsyncClient) -> None:
    """A region isn't the page, a range not the other, and buttons are shown to who may press them only."""
    whole = [(await web.get("/stocks/AAPL")).text for _ in range(2)][-1]
    region = [(await web.get("/stocks/AAPL", headers=PART)).text for _ in range(2)][-1]
    year = [(await web.get("/stocks/AAPL?range=1Y")).text for _ in range(2)][-1]
    async with talk_to(app, "192.0.2.7") as stranger:
        theirs = [(await stranger.get("/stocks/AAPL")).text for _ in range(2)][-1]
    assert len({whole, region, year, theirs}) == 4
    assert [text.count('action="/stocks/AAPL/unwatch"') for text in (whole, theirs)] == [1, 0]
    plain = await web.get("/stocks/AAPL", headers={"accept-encoding": "identity"})
    assert ("content-encoding" in plain.headers, plain.text) == (False, whole)


async def test_a_commit_makes_another_answer(app: FastAPI, web: httpx.AsyncClient, seeded: Database) -> None:
    """A new bar, another process's change of the watchlist, a promotion: the very next page shows it."""
    await web.get("/")
    turn_clock(app, datetime(2013, 3, 4, 22, 0, tzinfo=UTC))
    put_bar(seeded)
    assert "5 Mar 2013" in (await web.get("/stocks/AAPL")).text
    with seeded.write() as db:
        store.unwatch(db, ["IBM"])
    assert 'href="/stocks/IBM"' not in (await web.get("/")).text


async def test_each_name_of_the_service_has_its_own_answer(app: FastAPI) -> None:
    """What one client's Host header puts into an address isn't sent to the next."""
    bases = ("http://127.0.0.1:8000", "http://localhost:8000", "https://localhost:8000")
    for base in (*bases, bases[0]):
        async with talk_to(app, base=base) as client:
            assert f"{base}/embed/AAPL" in (await client.get("/stocks/AAPL")).text


async def test_a_job_that_starts_and_ends_makes_another_answer(web: httpx.AsyncClient, seeded: Database) -> None:
    """The list shows it at once, whoever started it."""
    seen = [(await web.get("/jobs")).text.count("<tr data-run")]
    run = runs.start(seeded, "score", "test", NOW)
    seen.append((await web.get("/jobs")).text.count('data-state="running'))
    runs.finish(seeded, run.id, "done", "", None, NOW)
    seen.append((await web.get("/jobs")).text.count('data-state="done'))
    assert seen == [0, 2, 2], "the row and its chip say so"


async def test_a_promotion_makes_another_answer(web: httpx.AsyncClient, settings: Settings, seeded: Database) -> None:
    """The pointer is a file of its own beside the store."""
    assert "version v1" in (await web.get("/")).text
    put_champion(settings, seeded, "v2")
    assert "version v2" in (await web.get("/")).text


async def test_the_stroke_of_a_close_makes_another_answer(app: FastAPI, web: httpx.AsyncClient) -> None:
    """Prices are behind from the instant on at which the next bar is final, though nothing was committed."""
    ages = []
    for hour in (21, 22):
        turn_clock(app, datetime(NEXT.year, NEXT.month, NEXT.day, hour, 0, tzinfo=UTC))
        ages += [(await web.get("/api/prices/AAPL?start=2013-03-01")).json()["sessions_behind"] for _ in range(2)]
    assert ages == [0, 0, 1, 1]


async def test_errors_and_old_answers_are_made_anew(
    app: FastAPI, web: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What failed is tried again, and nothing outlives two seconds."""
    for address, most in (("/stocks/NOPE", 0), ("/data", 1)):
        await web.get(address)
        assert len(app.front._app._app._kept) == most  # type: ignore[attr-defined]
    monkeypatch.setattr(recent, "KEPT_S", 0.0)
    await web.get("/models")
    with statements(app.state.nextclose.database.engine) as sent:
        await web.get("/models")
    assert sent


async def test_recent_answers_are_counted_and_bounded(
    app: FastAPI, web: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """/metrics has them under their route; many addresses don't fill the memory."""
    await web.get("/")
    for _ in range(4):
        await web.get("/stocks/AAPL")
    assert (
        'nextclose_requests_total{method="GET",route="/stocks/{symbol}",status="200"} 4.0'
        in (await web.get("/metrics")).text
    )
    monkeypatch.setattr(recent, "MOST_BYTES", 100_000)
    for number in range(80):
        await web.get(f"/search?q={number}", headers={"accept-encoding": "identity"})
    kept = app.front._app._app._kept.values()  # type: ignore[attr-defined]
    assert 0 < sum(len(one.body["body"]) for one in kept) <= 100_000


async def test_a_token_hides_the_buttons_from_the_first_look_on(
    settings: Settings, seeded: Database, build: Build
) -> None:
    """Two services over one store don't share what they sent."""
    del seeded
    async with (
        talk_to(build(settings)) as one,
        talk_to(build(settings.model_copy(update={"admin_token": SecretStr("s3cret")}))) as other,
    ):
        texts = [(await client.get("/stocks/AAPL")).text for client in (one, other, one, other)]
    assert [text.count('action="/stocks/AAPL/unwatch"') for text in texts] == [1, 0, 1, 0]
