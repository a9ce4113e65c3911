"""/api/events over a real connection: to an EventSource what runs as it moves on, to others earnings days."""

from collections.abc import Iterator
from datetime import date

import httpx
import polars as pl
import pytest
from fastapi import FastAPI

from app.core.db import Database
from app.jobs import runs
from app.prices.frame import REPORTED_SCHEMA
from app.prices.store import event_updates
from app.web.api import jobs
from tests.web.conftest import NOW
from tests.web.serving import serve

STREAM = {"Accept": "text/event-stream"}
"""What a browser's EventSource sends."""


@pytest.fixture
def address(app: FastAPI) -> Iterator[str]:
    """Serve the app on a free port of this machine."""
    with serve(app) as at:
        yield at


async def test_a_run_is_reported_as_it_moves_on(
    address: str, seeded: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream begins with what there is, then sends each change as an event `job`."""
    monkeypatch.setattr(jobs, "LOOK_EVERY_S", 0.02)  # a test needn't wait a second for the next look
    run = runs.start(seeded, "train", "test", NOW)
    seen: list[str] = []
    async with (
        httpx.AsyncClient() as client,
        client.stream("GET", f"{address}/api/events", headers=STREAM, timeout=10) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-cache"
        async for line in answer.aiter_lines():
            seen.append(line)
            if '"progress":0.0' in line:
                runs.report(seeded, run.id, 0.5, "half way")
            if "half way" in line:
                break
    assert "event: job" in seen
    assert f"id: {run.id}" in seen


async def test_too_many_streams_are_refused_before_they_begin(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream holds a connection: more than the limit is 429, and the answer says what to do instead."""
    monkeypatch.setattr(jobs, "MAX_STREAMS", 0)  # opening 64 connections would test the machine, not us
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{address}/api/events", headers=STREAM)
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert answer.headers["retry-after"] == "60"


async def test_others_get_earnings_days(web: httpx.AsyncClient, seeded: Database) -> None:
    """One address, two answers: JSON unless a stream is asked for, whatever the range."""
    days = [(date(2013, 1, 23), "amc"), (date(2013, 4, 23), "amc")]
    reported = pl.DataFrame([("AAPL", *day, None) for day in days], schema=REPORTED_SCHEMA, orient="row")
    with seeded.write() as db:
        event_updates.update(db, reported, "yahoo", NOW)
    answer = await web.get("/api/events", params={"symbol": "aapl", "start": "2013-03-01"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert "Accept" in answer.headers["vary"]
    assert answer.json() == {
        "events": [
            {
                "symbol": "AAPL", "kind": "earnings", "date": "2013-04-23", "timing": "amc", "source": "yahoo",
                "known_at": "2013-03-01T22:00:00Z", "first_seen": "2013-03-01T22:00:00Z",
                "last_seen": "2013-03-01T22:00:00Z",
            }
        ]
    }  # fmt: skip
    everything = (await web.get("/api/events", headers={"Accept": "*/*"})).json()["events"]
    assert [day["date"] for day in everything] == ["2013-01-23", "2013-04-23"]
    assert (await web.get("/api/events", params={"symbol": "MSFT"})).json() == {"events": []}


@pytest.mark.parametrize(
    ("query", "code"), [("symbol=^VIX", "invalid_symbol"), ("start=2013-03-01&end=2013-02-01", "bad_request")]
)
async def test_a_question_without_an_answer_is_reported(web: httpx.AsyncClient, query: str, code: str) -> None:
    """A series has no results, and a range ends after it begins."""
    answer = await web.get(f"/api/events?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_the_documentation_describes_all(web: httpx.AsyncClient) -> None:
    """One operation with three kinds of content."""
    described = (await web.get("/openapi.json")).json()["paths"]["/api/events"]["get"]["responses"]["200"]
    assert set(described["content"]) == {"application/json", "text/csv", "text/event-stream"}
