"""Many symbols: what takes seconds is made by another process, and pages show meanwhile what is there."""

import asyncio
import signal
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI

from app.core.db import Database
from app.core.settings import Settings
from app.forecasts.ledger import records
from app.jobs import launch
from app.registry.versions import artefact
from app.web.predictions import background
from app.web.predictions.answers import Answers
from app.web.predictions.background import Background
from tests.web.conftest import model


@pytest.fixture(autouse=True)
def _many(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the sample's five symbols be many."""
    for module in (background, launch):
        monkeypatch.setattr(module, "FEW", 0)
    yield
    launch.stop_all()


async def test_missing_forecasts_are_made_by_a_job_while_pages_say_so(
    app: FastAPI, web: httpx.AsyncClient, seeded: Database
) -> None:
    """Nothing is computed for the pages; when the job is through, what it made is there without being asked for."""
    answers: Answers = app.state.answers
    behind = Background(app.state.nextclose, answers)
    assert behind.look() is False
    [(job, _)] = launch._children.values()
    job.send_signal(signal.SIGSTOP)  # else it may be quicker than the pages
    page = (await web.get("/screener")).text
    assert "Forecasts are being made: 0 of 5 are here" in page
    assert page.count("its forecast is being made") == 4
    assert page.count("too few for a forecast") == 1
    assert 'hx-trigger="every 2s"' in page
    assert "its forecast is being made" in (await web.get("/")).text
    job.send_signal(signal.SIGCONT)
    for _ in range(600):
        behind.look()
        if not answers.making:
            break
        await asyncio.sleep(0.1)
    behind.look()  # the job may have ended between this look's two questions
    assert [answers.ready(symbol) is not None for symbol in ("AAPL", "FB")] == [True, False]
    page = (await web.get("/screener")).text
    assert ("being made" in page, page.count("too few for a forecast")) == (False, 1)
    with seeded.read() as db:
        assert records.count(db) == 4
    behind.look()
    assert len((await web.get("/api/jobs")).json()["jobs"]) == 1


async def test_the_next_champion_forecasts_in_another_process(
    web: httpx.AsyncClient, settings: Settings, seeded: Database
) -> None:
    """One that can't isn't served; one that can has forecast everything when it is."""
    artefact.save(model("v2"), settings.models_dir / "v2")
    assert (await web.post("/api/models/v2/promote")).status_code == 200
    with seeded.read() as db:
        assert records.count(db, version="v2") == 4
