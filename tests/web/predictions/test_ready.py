"""Ready answers: made beforehand, kept while nothing concerns them, the same for all workers."""

import asyncio
from datetime import UTC, datetime

import httpx
import pytest
from fastapi import FastAPI

from app.core.db import Database
from app.core.settings import Settings
from app.forecasts.ledger import records
from app.forecasts.prediction.forecaster import Forecaster
from app.jobs import runs
from app.registry.promotion.decisions import decide
from app.registry.promotion.pointer import Pointer
from app.registry.versions import artefact
from app.web.predictions.answers import Answers
from app.web.predictions.snapshot import Answer, written
from tests.web.conftest import NOW, Build, model, put_champion, talk_to
from tests.web.predictions.test_answers import LAST, NEXT, ask, put_bar, statements, turn_clock


async def test_stale_by_a_commit_in_the_middle_of_answering(app: FastAPI, seeded: Database) -> None:
    """What was computed from the store as it was before is answered, but not kept."""
    answers: Answers = app.state.answers
    answers.fill(["AAPL"])
    before = answers.snapshot()
    services = app.state.nextclose
    built = written(services, services.forecaster.stored_many(["AAPL"]), "v1", None)
    put_bar(seeded, LAST, factor=0.5)
    assert answers._keep(before, built) is False
    assert answers.ready("AAPL") is None


async def test_stale_by_a_refresh_that_ends_in_the_middle_of_answering(app: FastAPI, seeded: Database) -> None:
    """What is true only while it goes on isn't kept, so that the symbol counts as one without an answer."""
    answers: Answers = app.state.answers
    [made] = answers.fill(["AAPL"])
    assert isinstance(made, Answer)
    turn_clock(app, datetime(2013, 3, 4, 22, 0, tzinfo=UTC))
    run = runs.start(seeded, "refresh", "test", NOW)
    put_bar(seeded)
    before = answers.snapshot()
    built = written(app.state.nextclose, [made.forecast], "v1", None)
    assert built["AAPL"].provisional
    runs.finish(seeded, run.id, "done", "", None, NOW)
    assert answers._keep(before, built) is False
    assert "AAPL" in answers.missing()


async def test_stale_by_a_withdrawal_that_was_seen_half_way(
    app: FastAPI, web: httpx.AsyncClient, settings: Settings, seeded: Database
) -> None:
    """The pointer goes first: what was made ready before the decision was written is dropped with it."""
    await ask(web)
    Pointer.remove(settings.models_dir)
    app.state.answers.prepare()
    assert app.state.answers.ready("AAPL") is not None
    decide(seeded, "withdrawal", "v1", "v1", "leakage fails", {}, NOW)
    assert app.state.answers.ready("AAPL") is None
    assert (await web.get("/predict/AAPL")).json()["code"] == "no_champion"


async def test_the_same_champion_again_changes_nothing(app: FastAPI, settings: Settings, seeded: Database) -> None:
    """The pointer's file is another one, the version that it names is not."""
    app.state.answers.fill(["AAPL"])
    answer = app.state.answers.ready("AAPL")
    put_champion(settings, seeded, "v1")
    assert app.state.answers.ready("AAPL") is answer is not None


async def test_several_workers_see_a_change_at_once(settings: Settings, seeded: Database, build: Build) -> None:
    """Each process looks for itself: what one of them changes the others answer next."""
    workers = [talk_to(build(settings)) for _ in range(3)]
    assert [(await ask(one))["model"]["version"] for one in workers] == ["v1"] * 3  # type: ignore[index]
    put_champion(settings, seeded, "v2")
    assert [(await ask(one))["model"]["version"] for one in workers] == ["v2"] * 3  # type: ignore[index]
    for one in workers:
        await one.aclose()


async def test_whoever_becomes_champion_has_forecast_everything_before(
    app: FastAPI, web: httpx.AsyncClient, settings: Settings, seeded: Database
) -> None:
    """Over HTTP, promoted or rolled back to: when the pointer moves, no reader waits for a forecast to be made."""
    artefact.save(model("v2"), settings.models_dir / "v2")
    answers: Answers = app.state.answers
    for moved, version in (("v2/promote", "v2"), ("rollback", "v1")):
        assert (await web.post(f"/api/models/{moved}")).json()["champion"] == version
        assert answers.prepare() is False
        ready = [answers.ready(symbol) for symbol in ("AAPL", "MSFT", "GOOG", "IBM")]
        assert [one and one.forecast.model_version for one in ready] == [version] * 4
    with seeded.read() as db:
        assert [records.count(db, version=version) for version in ("v1", "v2")] == [4, 4]


async def test_nothing_is_forecast_for_a_promotion_while_prices_are_refreshed(
    web: httpx.AsyncClient, settings: Settings, seeded: Database
) -> None:
    """A forecast on half a market would be kept for good; what was served is served on, and says by whom it is."""
    first = await ask(web)
    artefact.save(model("v2"), settings.models_dir / "v2")
    run = runs.start(seeded, "refresh", "test", NOW)
    assert (await web.post("/api/models/v2/promote")).status_code == 200
    assert await ask(web) == first
    runs.finish(seeded, run.id, "done", "", None, NOW)
    assert (await ask(web))["model"]["version"] == "v2"  # type: ignore[index]


async def test_other_commits_change_nothing(app: FastAPI, web: httpx.AsyncClient, seeded: Database) -> None:
    """A heartbeat of a job is a commit; what it doesn't concern stays ready."""
    await ask(web)
    answer = app.state.answers.ready("AAPL")
    runs.start(seeded, "score", "test", NOW)
    put_bar(seeded, NEXT, "IBM")
    assert app.state.answers.ready("AAPL") is answer


async def test_answers_are_ready_before_they_are_asked_for(app: FastAPI, settings: Settings, seeded: Database) -> None:
    """What the ledger holds is made ready by itself, and no forecast is computed for it."""
    answers: Answers = app.state.answers
    assert answers.prepare() is False
    assert answers.ready("AAPL") is None
    Forecaster(settings, seeded, app.state.nextclose.clock).forecast_all()
    assert answers.prepare() is False
    assert [answers.ready(symbol) is not None for symbol in ("AAPL", "MSFT", "GOOG", "IBM", "FB")] == [True] * 4 + [
        False
    ]
    with statements(app.state.nextclose.database.engine) as sent:
        assert answers.prepare() is False
    assert sent == []


async def test_the_service_makes_answers_ready_as_long_as_it_serves(
    settings: Settings, seeded: Database, build: Build
) -> None:
    """A forecast that another process kept is ready within seconds, nobody asking; the end stops looking for more."""
    replica = build(settings.model_copy(update={"scheduler": "off"}))
    async with replica.router.lifespan_context(replica):
        Forecaster(settings, seeded, replica.state.nextclose.clock).forecast_all()
        for _ in range(400):
            if replica.state.answers.ready("IBM"):
                break
            await asyncio.sleep(0.05)
        assert replica.state.answers.ready("IBM")
    assert [task.get_name() for task in asyncio.all_tasks()].count("answers") == 0


@pytest.mark.sqlite
async def test_a_store_that_cannot_be_read_leaves_what_is_ready(app: FastAPI, web: httpx.AsyncClient) -> None:
    """Whatever is down, stored forecasts are served."""
    first = await ask(web)
    app.state.nextclose.database.commits._file = "/nowhere/at/all"
    app.state.nextclose.database.commits.close()
    assert await ask(web) == first
