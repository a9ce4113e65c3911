"""What was decided on models: readable page by page, told to MLflow, and an old champion says that it is old."""

from asyncio import sleep, to_thread
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from time import monotonic
from typing import Any

import httpx
import pytest

from app.core.db import Database
from app.core.settings import Settings
from app.jobs import launch, runs
from app.registry.promotion import champion
from app.registry.promotion.decisions import decide
from app.registry.promotion.tracking import MODEL, RunRecord, Tracker
from app.registry.versions import artefact
from tests.web.conftest import NOW, model, put_champion


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    yield
    launch.stop_all()


async def until(ask: Callable[[], Any], wanted: Any) -> None:
    """Wait until a question has this answer."""
    give_up = monotonic() + 60  # a job that imports MLflow
    while (found := await to_thread(ask)) != wanted:
        assert monotonic() < give_up, found
        await sleep(0.1)


async def test_mlflows_alias_follows_a_promotion_over_http(
    web: httpx.AsyncClient, settings: Settings, seeded: Database
) -> None:
    """By a job of its own, for the serving process never imports MLflow; a rollback from the page starts another."""
    put_champion(settings, seeded, "v2")
    tracker = Tracker(settings)
    client = tracker.connect()
    run = tracker.record(RunRecord("contest"), [])
    numbers = {name: tracker.register(run, name, settings.models_dir / name, name) for name in ("v1", "v2")}
    tracker.set_champion("v2")

    def jobs() -> list[tuple[str, str, str]]:
        with seeded.read() as db:
            return [(run.kind, run.trigger, run.state) for run in runs.recent(db)]

    assert (await web.post("/api/models/v1/promote")).status_code == 200
    await until(jobs, [("alias", "promotion", "done")])
    assert str(client.get_model_version_by_alias(MODEL, "champion").version) == numbers["v1"]
    assert (await web.post("/models/rollback")).status_code == 303
    await until(jobs, [("alias", "promotion", "done")] * 2)
    assert str(client.get_model_version_by_alias(MODEL, "champion").version) == numbers["v2"]


async def test_the_whole_history_is_read_page_by_page(
    web: httpx.AsyncClient, settings: Settings, seeded: Database
) -> None:
    """Every decision with its evidence over the API, all of them on the page, and who is in shadow on both."""
    artefact.save(model("v2"), settings.models_dir / "v2")
    for number in range(60):
        decide(seeded, "challenge", "v2", "v1", f"week {number}", {"training": "refit"}, NOW)
    found, before = [], None
    while True:
        page = (
            await web.get("/api/models/decisions", params={"limit": 25, **({"before": before} if before else {})})
        ).json()
        found += page["decisions"]
        if (before := page["before"]) is None:
            break
    assert [one["reason"] for one in found] == [*(f"week {number}" for number in reversed(range(60))), "best of two"]
    assert found[0]["evidence"] == {"training": "refit"}
    about = (await web.get("/api/models/decisions", params={"version": "v1"})).json()
    assert [one["version"] for one in about["decisions"]] == ["v1"]
    assert (await web.get("/api/models")).json()["challengers"] == ["v2"]

    first = (await web.get("/models")).text
    assert "in shadow" in first
    assert "week 59" in first
    assert "best of two" not in first
    older = first.split('href="/models?before=')[1].split("#")[0]
    assert "best of two" in (await web.get(f"/models?before={older}")).text


async def test_a_champion_past_its_time_says_so_everywhere(
    web: httpx.AsyncClient, settings: Settings, seeded: Database
) -> None:
    """On every page, in every answer and in the readiness: its figures are those of younger models."""
    made = model("v2")
    old = replace(made, card=made.card.model_copy(update={"trained_through": date(2012, 8, 24)}))
    artefact.save(old, settings.models_dir / "v2")
    pages = ("/", "/stocks/AAPL", "/data", "/models", "/models/v2", "/track-record", "/monitoring", "/jobs")
    told = "The model is out of date: it learnt through 24 Aug 2012, 127 sessions ago"
    assert [told in (await web.get(page)).text for page in pages[:4]] == [False] * 4
    assert (await web.get("/predict/AAPL")).json()["model"]["expired"] is False
    champion.promote(settings, seeded, "v2", "test", {}, NOW)
    assert [page for page in pages if told not in (await web.get(page)).text] == []
    assert (await web.get("/predict/AAPL")).json()["model"]["expired"] is True
    many = (await web.post("/predict", json={"symbols": ["AAPL", "IBM"]})).json()["predictions"]
    assert [one["model"]["expired"] for one in many] == [True, True]
    assert (await web.get("/readyz")).json()["champion_expired"] is True
    assert (await web.get("/api/models")).json()["champion_expired"] is True
