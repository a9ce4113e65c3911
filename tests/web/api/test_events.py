"""/api/events over a real connection: what runs is told as it moves on."""

from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI

from app.core.db import Database
from app.jobs import runs
from app.web.api import jobs
from tests.web.conftest import NOW
from tests.web.serving import serve


@pytest.fixture
def address(app: FastAPI) -> Iterator[str]:
    """Serve the app on a free port of this machine."""
    with serve(app) as at:
        yield at


async def test_a_run_is_told_as_it_moves_on(address: str, furnished: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream begins with what there is, then tells each change as an event `job`."""
    monkeypatch.setattr(jobs, "LOOK_EVERY_S", 0.02)  # a test needn't wait a second for the next look
    run = runs.start(furnished, "train", "test", NOW)
    seen: list[str] = []
    async with httpx.AsyncClient() as client, client.stream("GET", f"{address}/api/events", timeout=10) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-cache"
        async for line in answer.aiter_lines():
            seen.append(line)
            if '"progress":0.0' in line:
                runs.report(furnished, run.id, 0.5, "half way")
            if "half way" in line:
                break
    assert "event: job" in seen
    assert f"id: {run.id}" in seen


async def test_too_many_streams_are_refused_before_they_begin(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream holds a connection: more than the limit is 429, and the answer says what to do instead."""
    monkeypatch.setattr(jobs, "MAX_STREAMS", 0)  # opening 64 connections would test the machine, not us
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{address}/api/events")
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert answer.headers["retry-after"] == "60"
