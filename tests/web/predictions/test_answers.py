"""Ready answers: each way in which one could be stale, by name, and that a ready one costs no query."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from time import monotonic

import httpx
import polars as pl
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, event

from app.core.clock import Clock, calendar
from app.core.db import Database
from app.core.settings import Settings
from app.forecasts.prediction.forecaster import Forecaster
from app.jobs import runs
from app.prices import store
from app.prices.checks import quarantine
from app.prices.frame import REPORTED_SCHEMA
from app.prices.sources.sample import sample_bars
from app.prices.store import event_updates
from app.prices.store.tables import QuarantineRow
from app.registry.promotion import champion
from app.registry.promotion.decisions import decide
from app.registry.promotion.proofs import OWED
from app.registry.versions import artefact
from app.web.predictions import answers
from app.web.predictions.answers import Answers
from tests.tampering import unguard
from tests.web.conftest import NOW, model, put_champion

LAST = date(2013, 3, 1)
NEXT = date(2013, 3, 4)


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """Collect the statements that the store is sent."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


def put_bar(database: Database, session: date = NEXT, symbol: str = "AAPL", factor: float = 1.0) -> None:
    """Store a bar of a session, as another process would: a copy of the symbol's last one."""
    bar = sample_bars().filter(pl.col("symbol") == symbol.replace("^VIX", "AAPL")).tail(1)
    prices = [pl.col(name) * factor for name in ("open", "high", "low", "close", "adj_close")]
    with database.write() as db:
        store.upsert(
            db,
            bar.with_columns(pl.lit(session).alias("session"), pl.lit(symbol).alias("symbol"), *prices),
            "sample",
            NOW,
        )


def turn_clock(app: FastAPI, now: datetime) -> None:
    """Move the service's fixed clock, which is what time does to a real one."""
    object.__setattr__(app.state.nextclose.clock, "fixed", now)


async def ask(client: httpx.AsyncClient, symbol: str = "AAPL") -> dict[str, object]:
    """Return a forecast that was answered."""
    answer = await client.get(f"/predict/{symbol}")
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def test_a_ready_answer_costs_no_statement(app: FastAPI, web: httpx.AsyncClient) -> None:
    """From the second time on nothing is asked of the store, and nothing computed."""
    first = await ask(web)
    with statements(app.state.nextclose.database.engine) as sent:
        assert await ask(web) == first
        assert (await web.post("/predict", json={"symbols": ["AAPL"] * 3})).json()["predictions"] == [first] * 3
    assert sent == []


async def test_stale_by_a_new_bar(app: FastAPI, web: httpx.AsyncClient, seeded: Database) -> None:
    """The very next answer is for the session after the new bar, though another process stored it."""
    assert (await ask(web))["target_session"] == "2013-03-04"
    other = (await ask(web, "IBM"))["prediction_id"]
    turn_clock(app, datetime(2013, 3, 4, 22, 0, tzinfo=UTC))
    put_bar(seeded)
    assert (await ask(web))["target_session"] == "2013-03-05"
    assert (await ask(web, "IBM"))["prediction_id"] == other


@pytest.mark.parametrize("factor", [0.5, 1.01])
async def test_stale_by_a_split_and_by_a_revised_bar(web: httpx.AsyncClient, seeded: Database, factor: float) -> None:
    """Restated prices are the next answer's basis; the forecast itself stays."""
    before = await ask(web)
    put_bar(seeded, LAST, factor=factor)
    after = await ask(web)
    assert after["prediction_id"] == before["prediction_id"]
    assert after["last_close"] == pytest.approx(430.47 * factor)
    assert after["predicted_close"] == pytest.approx(float(str(before["predicted_close"])) * factor)


async def test_stale_by_a_dividend(app: FastAPI, web: httpx.AsyncClient, seeded: Database) -> None:
    """What it takes out of earlier prices is another history: the answer is looked for anew, the forecast stays."""
    before = await ask(web)
    with seeded.write() as db:
        bar = store.history(db, "AAPL", last=30).head(1).with_columns(pl.col("adj_close") * 0.99)
        store.upsert(db, bar, "sample", NOW)
    assert app.state.answers.ready("AAPL") is None
    assert await ask(web) == before


async def test_stale_by_a_bar_that_is_released_from_quarantine(
    app: FastAPI, web: httpx.AsyncClient, seeded: Database
) -> None:
    """It is stored, and the next forecast is for the session after it."""
    assert (await ask(web))["target_session"] == "2013-03-04"
    turn_clock(app, datetime(2013, 3, 4, 22, 0, tzinfo=UTC))
    with seeded.write() as db:
        bar = store.history(db, "AAPL", last=1).with_columns(pl.lit(NEXT).alias("session"))
        held = QuarantineRow(**bar.row(0, named=True), rule="jump", detail="", source="sample", fetched_at=NOW)
        db.add(held)
        db.flush()
        number = held.id
    assert (await ask(web))["target_session"] == "2013-03-04"
    with seeded.write() as db:
        quarantine.release(db, [number], NOW)
    assert (await ask(web))["target_session"] == "2013-03-05"


async def test_stale_by_a_withdrawal(web: httpx.AsyncClient, settings: Settings, seeded: Database) -> None:
    """What a proof spoke against is no answer any more, though its forecasts stay in the ledger."""
    put_champion(settings, seeded, "v2")
    seen = [(await ask(web))["model"]]
    champion.withdraw(settings, seeded, "v2", "leakage fails", {}, NOW)
    seen += [(await ask(web))["model"]]
    assert [one["version"] for one in seen] == ["v2", "v1"]  # type: ignore[index]
    champion.withdraw(settings, seeded, "v1", "leakage fails", {}, NOW)
    for path in ("/predict/AAPL", "/predict/IBM"):
        answer = await web.get(path)
        assert (answer.status_code, answer.json()["code"]) == (503, "no_champion")


async def test_stale_by_a_new_champion_and_by_a_rollback(
    web: httpx.AsyncClient, settings: Settings, seeded: Database
) -> None:
    """Whoever moves the pointer, the very next answer is by the version it names, for each symbol."""
    versions = [(await ask(web))["model"]]
    put_champion(settings, seeded, "v2")
    versions += [(await ask(web))["model"], (await ask(web, "IBM"))["model"]]
    champion.rollback(settings, seeded, "v2 looks odd", NOW)
    versions += [(await ask(web))["model"], (await ask(web, "IBM"))["model"]]
    assert [one["version"] for one in versions] == ["v1", "v2", "v2", "v1", "v1"]  # type: ignore[index]


async def test_stale_by_the_stroke_of_a_close(app: FastAPI, web: httpx.AsyncClient) -> None:
    """A bar is final half an hour after the close: until then the prices are fresh, from then on they lack one."""
    final = calendar().final_at(NEXT)
    seen = []
    for now in (NOW, final - timedelta(microseconds=1), final, final - timedelta(seconds=1)):
        turn_clock(app, now)
        seen.append((await ask(web))["data"])
    assert [one["sessions_behind"] for one in seen] == [0, 0, 1, 0]  # type: ignore[index]
    assert [one["stale"] for one in seen] == [False, False, True, False]  # type: ignore[index]


async def test_stale_by_a_forecast_that_goes_before(
    app: FastAPI, web: httpx.AsyncClient, settings: Settings, seeded: Database
) -> None:
    """A replay is the answer until a live forecast of the same session is in the ledger."""
    turn_clock(app, datetime(2013, 3, 5, 22, 0, tzinfo=UTC))
    replay = await ask(web)
    Forecaster(settings, seeded, Clock(NOW)).forecast_all()
    assert (await ask(web))["prediction_id"] != replay["prediction_id"]


async def test_stale_by_the_end_of_a_refresh(
    app: FastAPI, web: httpx.AsyncClient, seeded: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While prices are refreshed the last forecast is the answer, and the new one as soon as the run is over."""
    monkeypatch.setattr(answers, "ALIVE_S", 60.0)  # a machine may stall for a second
    await ask(web)
    turn_clock(app, datetime(2013, 3, 4, 22, 0, tzinfo=UTC))
    run = runs.start(seeded, "refresh", "test", NOW)
    put_bar(seeded)
    assert [(await ask(web))["target_session"] for _ in range(3)] == ["2013-03-04"] * 3
    answer = app.state.answers.ready("AAPL")
    put_bar(seeded, symbol="IBM")  # the refresh goes on: other symbols' bars don't make anybody wait
    runs.report(seeded, run.id, 0.5, "IBM")
    assert app.state.answers.ready("AAPL") is answer is not None
    runs.finish(seeded, run.id, "done", "", None, NOW)
    assert (await ask(web))["target_session"] == "2013-03-05"


async def test_stale_by_a_refresh_that_died_without_a_word(
    app: FastAPI, web: httpx.AsyncClient, seeded: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is committed when a process is killed: a refresh is taken to live for a moment only after each look."""
    await ask(web)
    turn_clock(app, datetime(2013, 3, 4, 22, 0, tzinfo=UTC))
    runs.start(seeded, "refresh", "test", NOW)
    put_bar(seeded)
    assert (await ask(web))["target_session"] == "2013-03-04"
    monkeypatch.setattr(runs, "is_alive", lambda *_: False)  # a killed process, without killing this one
    assert app.state.answers.snapshot().answers["AAPL"].provisional
    assert monotonic() < app.state.answers._alive_until <= monotonic() + answers.ALIVE_S
    app.state.answers.prepare()  # the service looks twice a second
    assert (await ask(web))["target_session"] == "2013-03-05"


async def test_stale_by_history_that_grew(app: FastAPI, web: httpx.AsyncClient, seeded: Database) -> None:
    """That a symbol has too little history is known until any price changes: others' bars may be what it lacked."""
    answers: Answers = app.state.answers
    for _ in range(2):
        many = (await web.post("/predict", json={"symbols": ["FB", "AAPL"]})).json()
        assert [one["code"] for one in many["errors"]] == ["no_history"]
    with statements(app.state.nextclose.database.engine) as sent:
        assert (await web.post("/predict", json={"symbols": ["FB", "AAPL"]})).json() == many
    assert sent == []
    put_bar(seeded, NEXT, "IBM")
    assert [one is None for one in answers.ready_many(["FB", "AAPL"])] == [True, False]


async def test_stale_by_an_earnings_day(app: FastAPI, web: httpx.AsyncClient, seeded: Database) -> None:
    """One that is reported or moved concerns its symbol, nobody else."""
    answers: Answers = app.state.answers
    for day in (NEXT, NEXT + timedelta(days=1)):
        await ask(web)
        other = await ask(web, "IBM")
        told = {"symbol": ["AAPL"], "date": [day], "timing": ["amc"], "known_at": [None]}
        with seeded.write() as db:
            event_updates.update(db, pl.DataFrame(told, schema=REPORTED_SCHEMA), "file", NOW)
        assert [answers.ready(one) is None for one in ("AAPL", "IBM")] == [True, False]
        assert (await ask(web))["event"]["date"] == day.isoformat()  # type: ignore[index]
        assert await ask(web, "IBM") == other


async def test_stale_by_a_series(app: FastAPI, web: httpx.AsyncClient, seeded: Database) -> None:
    """A bar of the volatility index concerns every answer."""
    await ask(web)
    put_bar(seeded, LAST, "^VIX")
    assert app.state.answers.ready("AAPL") is None


async def test_stale_by_prices_that_are_gone(web: httpx.AsyncClient, seeded: Database) -> None:
    """The first real prices remove the sample: what was forecast from it is no answer any more."""
    await ask(web, "IBM")
    bars = sample_bars().filter(pl.col("symbol") == "AAPL")
    with seeded.write() as db:
        store.upsert(db, bars, "yahoo", NOW)
    answer = await web.get("/predict/IBM")
    assert (answer.status_code, answer.json()["code"]) == (409, "no_history")


async def test_stale_by_a_store_that_was_set_back(web: httpx.AsyncClient, seeded: Database) -> None:
    """A ledger with fewer rows than before is another store: nothing of the first one is answered."""
    first = (await ask(web))["prediction_id"]
    unguard(seeded, "forecast")
    with seeded.write() as db:
        db.connection().exec_driver_sql("DELETE FROM forecast")
    assert (await ask(web))["prediction_id"] != first


async def test_an_answer_says_that_proofs_are_owed_until_they_hold(
    web: httpx.AsyncClient, seeded: Database, settings: Settings
) -> None:
    """Of a very first champion, in both answers; neither pointer nor ledger change when its proofs have run."""
    artefact.save(model("v2"), settings.models_dir / "v2")
    champion.promote(settings, seeded, "v2", "first", {OWED: True}, NOW)

    async def owed() -> list[bool]:
        one, many = await web.get("/predict/AAPL"), await web.post("/predict", json={"symbols": ["AAPL", "IBM"]})
        return [found["model"]["proofs_owed"] for found in (one.json(), *many.json()["predictions"])]

    assert await owed() == [True, True, True]
    assert await owed() == [True, True, True]
    proofs = [{"name": "leakage", "passed": True}]
    decide(seeded, "proof", "v2", None, "they hold", {"proofs": proofs}, NOW)
    assert await owed() == [False, False, False]
