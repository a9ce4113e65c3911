"""Alerts over HTTP: rules, a test to a real receiver, and the page that works without a script."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from pydantic import SecretStr

from app.core.db import Database
from app.core.settings import Settings
from app.jobs import launch
from tests.monitoring.alerts.receivers import Hook, hook
from tests.web.conftest import Build, talk_to


@pytest.fixture
def receiver() -> Iterator[Hook]:
    """Serve a webhook."""
    with hook() as made:
        yield made
    launch.stop_all()


@pytest.fixture
async def wired(settings: Settings, seeded: Database, build: Build, receiver: Hook) -> AsyncIterator[httpx.AsyncClient]:  # noqa: ARG001 - the app opens the same store
    """Open a client of the service with a webhook on this machine."""
    address = SecretStr(f"{receiver.url}/s3cret")
    async with talk_to(build(settings.model_copy(update={"alert_url": address, "alert_inner": "on"}))) as client:
        yield client


async def test_rules_are_added_listed_and_removed(web: httpx.AsyncClient) -> None:
    """201 with the rule in words, 422 for one that means nothing, 204 and 404 on removal."""
    made = await web.post("/api/alerts", json={"kind": "move", "symbol": "aapl", "threshold": 0.04})
    assert made.status_code == 201
    assert made.json()["when"] == "The expected move of AAPL is above 4.0\u202f%"
    for wrong in (
        {"kind": "rain"},
        {"kind": "move", "threshold": 4},
        {"kind": "verdict", "threshold": True},
        {"kind": "band", "symbol": "^VIX"},
        {"kind": "band", "level": "watch"},
        {"kind": "verdict", "symbol": "A B"},
    ):
        assert (await web.post("/api/alerts", json=wrong)).status_code == 422
    listed = (await web.get("/api/alerts")).json()
    assert listed == {"webhook": None, "mail": None, "rules": [made.json()], "alerts": []}
    assert (await web.delete(f"/api/alerts/{made.json()['id']}")).status_code == 204
    assert (await web.delete(f"/api/alerts/{made.json()['id']}")).status_code == 404


async def test_a_test_without_an_address_says_what_to_set(web: httpx.AsyncClient) -> None:
    """There is nowhere to send it."""
    answer = await web.post("/api/alerts/test")
    assert answer.status_code == 422
    assert "NEXTCLOSE_ALERT_URL" in answer.json()["detail"]


async def test_a_test_arrives_by_a_job_of_its_own(wired: httpx.AsyncClient, receiver: Hook) -> None:
    """The answer comes at once; the delivery is told on the page, and its address without the token."""
    answer = await wired.post("/api/alerts/test")
    assert (answer.status_code, answer.json()["kind"]) == (202, "test")
    for _ in range(600):
        listed = (await wired.get("/api/alerts")).json()
        if listed["alerts"][0]["deliveries"][0]["state"] == "sent":
            break
        await asyncio.sleep(0.1)
    assert listed["alerts"][0]["deliveries"][0]["attempts"] == 1
    assert [(body["id"], body["test"]) for body in receiver.bodies] == [(answer.json()["id"], True)]
    text = (await wired.get("/alerts")).text
    assert "webhook sent" in text
    assert "This is a test" in text
    assert "http://127.0.0.1" in text
    assert "s3cret" not in text


async def test_the_page_adds_and_removes_with_plain_forms(web: httpx.AsyncClient) -> None:
    """As a browser without a script sends them; per cent are per cent."""
    for form in ({"kind": "move", "percent": "4,5", "symbol": ""}, {"kind": "verdict", "level": "degraded"}):
        answer = await web.post("/alerts", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/alerts")
    assert (await web.post("/alerts", data={"kind": "move", "percent": "much"})).status_code == 422
    text = (await web.get("/alerts")).text
    assert "The expected move of a watched symbol is above 4.5\u202f%" in text
    assert "The verdict becomes degraded" in text
    first = (await web.get("/api/alerts")).json()["rules"][0]["id"]
    assert (await web.post(f"/alerts/{first}/remove")).status_code == 303
    assert "above 4.5\u202f%" not in (await web.get("/alerts")).text
