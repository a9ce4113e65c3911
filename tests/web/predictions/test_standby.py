"""Standby answers: they are the answers when the pointer moves, unless what they rest on has changed."""

from datetime import UTC, datetime

import httpx
import pytest
from fastapi import FastAPI

from app.core.clock import Clock
from app.core.db import Database
from app.core.settings import Settings
from app.forecasts.ledger import records
from app.forecasts.prediction.forecaster import Forecaster
from app.jobs import runs
from app.registry.promotion import champion
from app.registry.promotion.decisions import decide
from app.registry.promotion.proofs import OWED
from app.registry.versions import artefact
from app.web.predictions import answers as module
from app.web.predictions.answers import Answers
from tests.web.conftest import NOW, model, put_champion
from tests.web.predictions.test_answers import LAST, NEXT, ask, put_bar, statements, turn_clock

SYMBOLS = ("AAPL", "MSFT", "GOOG", "IBM")


def bodies(answers: Answers) -> list[bytes | None]:
    """Return the ready answers."""
    return [one and one.body for one in map(answers.ready, SYMBOLS)]


@pytest.fixture
def answers(app: FastAPI, settings: Settings, seeded: Database) -> Answers:
    """Return answers that are ready, of v1 that is served and of v2 that has just been handed over to."""
    artefact.save(model("v2"), settings.models_dir / "v2")
    forecaster = Forecaster(settings, seeded, Clock(NOW))
    forecaster.forecast_all()
    made: Answers = app.state.answers
    made.prepare()
    forecaster.prepare(model("v2"))
    for _ in range(2):
        made.prepare()
    return made


async def test_what_another_version_forecasts_leaves_answers_ready(answers: Answers, seeded: Database) -> None:
    """Neither a hand-over's forecasts nor those in shadow concern what is served."""
    assert None not in bodies(answers)
    with seeded.read() as db:
        shadow = (
            records.page(db, model="v2")
            .entries[0]
            .forecast.model_copy(update={"id": "0" * 26, "origin": "shadow", "model_version": "v3"})
        )
    before = bodies(answers)
    with seeded.write() as db:
        records.append(db, [shadow])
    assert bodies(answers) == before


async def test_the_next_and_the_last_champion_are_ready_at_once(
    app: FastAPI, answers: Answers, settings: Settings, seeded: Database
) -> None:
    """The pointer's moves cost no reading of forecasts or prices, and the bytes are those that would be made."""
    first = bodies(answers)
    put_champion(settings, seeded, "v2")
    with statements(app.state.nextclose.database.engine) as sent:
        second = bodies(answers)
    assert sent
    assert not [one for one in sent if " bar" in one or "forecast.quantiles" in one]
    champion.rollback(settings, seeded, "v2 looks odd", NOW)
    assert bodies(answers) == first
    put_champion(settings, seeded, "v2")
    assert bodies(answers) == second
    fresh = Answers(app.state.nextclose).fill(SYMBOLS)
    assert [one.body for one in fresh if not isinstance(one, Exception)] == second


async def test_stale_by_prices_that_changed_before_the_pointer_moved(
    answers: Answers, settings: Settings, seeded: Database
) -> None:
    """Made beforehand from other prices, an answer isn't one; those of other symbols are."""
    put_bar(seeded, LAST, "IBM", factor=0.5)
    put_champion(settings, seeded, "v2")
    assert [one is None for one in bodies(answers)] == [False, False, False, True]


@pytest.mark.parametrize("is_seen", [True, False])
async def test_stale_by_a_live_forecast_that_came_before_the_pointer_moved(
    app: FastAPI, web: httpx.AsyncClient, settings: Settings, seeded: Database, is_seen: bool
) -> None:
    """It goes before the replay of the same session, of which an answer had been made, looked at in between or not."""
    artefact.save(model("v2"), settings.models_dir / "v2")
    late = Clock(datetime(2013, 3, 5, 22, 0, tzinfo=UTC))
    turn_clock(app, datetime(2013, 3, 5, 22, 0, tzinfo=UTC))
    await ask(web)
    Forecaster(settings, seeded, late).prepare(model("v2"))
    app.state.answers.prepare()
    app.state.answers.prepare()
    Forecaster(settings, seeded, Clock(NOW)).prepare(model("v2"))
    if is_seen:
        app.state.answers.snapshot()
    put_champion(settings, seeded, "v2")
    with seeded.read() as db:
        live = {one.forecast.id for one in records.page(db, "AAPL", "v2", origin="live").entries}
    assert {(await ask(web))["prediction_id"]} == live


async def test_stale_by_proofs_that_are_owed(
    web: httpx.AsyncClient, answers: Answers, settings: Settings, seeded: Database
) -> None:
    """An answer says whether they are: one that was made before a promotion that owes them doesn't."""
    champion.promote(settings, seeded, "v2", "at once", {OWED: True}, NOW)
    assert bodies(answers) == [None] * 4
    assert (await ask(web))["model"]["proofs_owed"] is True  # type: ignore[index]
    decide(seeded, "proof", "v2", None, "they hold", {"proofs": [{"name": "leakage", "passed": True}]}, NOW)
    assert (await ask(web))["model"]["proofs_owed"] is False  # type: ignore[index]


async def test_a_refresh_leaves_answers_until_their_forecasts_are_made(
    app: FastAPI, answers: Answers, seeded: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newer bar is no reason to make an answer anew while the forecast is the same; a corrected one is."""
    monkeypatch.setattr(module, "ALIVE_S", 60.0)
    turn_clock(app, datetime(2013, 3, 4, 22, 0, tzinfo=UTC))
    answers.prepare()
    before = bodies(answers)
    assert None not in before
    run = runs.start(seeded, "refresh", "test", NOW)
    put_bar(seeded, NEXT)
    put_bar(seeded, LAST, "IBM", factor=0.5)
    assert bodies(answers) == [*before[:3], None]
    runs.finish(seeded, run.id, "done", "", None, NOW)
    assert bodies(answers) == [None, *before[1:3], None]
