"""/api: prices, ledger, models, jobs, health; numbers are JSON numbers, what isn't known is null."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import polars as pl
import pytest
from fastapi import FastAPI

from app.core.clock import Clock
from app.core.db import Database
from app.core.settings import Settings
from app.forecasts.ledger.scoring import score_due
from app.jobs import launch, runs
from app.prices import store
from app.prices.sources.sample import sample_bars
from app.registry.promotion import champion
from app.registry.promotion.proofs import OWED
from tests.web.conftest import NOW, put_champion, talk_to

SHARES = {"prob_up", "predicted_return", "sigma", "level", "expected_move", "usual_move"}
"""Numbers of an answer that are no prices."""


def strict(text: str) -> Any:
    """Parse JSON as the standard has it: NaN and Infinity are errors."""

    def refuse(word: str) -> None:
        pytest.fail(f"{word} is no JSON number")

    return json.loads(text, parse_constant=refuse)


async def test_symbols_come_with_source_and_age(web: httpx.AsyncClient) -> None:
    """The watchlist comes first, in its order."""
    body = strict((await web.get("/api/symbols")).text)
    assert [one["symbol"] for one in body["symbols"]] == ["AAPL", "MSFT", "GOOG", "IBM", "FB"]
    first = body["symbols"][0]
    assert (first["name"], first["watched"], first["last"]) == ("Apple Inc.", True, "2013-03-01")
    assert (first["source"], first["fetched_at"]) == ("sample", "2013-03-01T22:00:00Z")


async def test_prices_are_the_stored_bars(web: httpx.AsyncClient) -> None:
    """`start` and `end` bound the sessions, both included."""
    answer = await web.get("/api/prices/aapl", params={"start": "2013-02-27", "end": "2013-02-28"})
    body = strict(answer.text)
    assert [bar["session"] for bar in body["bars"]] == ["2013-02-27", "2013-02-28"]
    assert (body["symbol"], body["source"], body["sessions_behind"]) == ("AAPL", "sample", 0)
    assert set(body["bars"][0]) == {"session", "open", "high", "low", "close", "volume", "adj_close"}


@pytest.mark.parametrize("address", ["/predict/AAPL", "/api/prices/AAPL", "/api/indicators/AAPL", "/api/forecasts"])
async def test_prices_are_reported_as_they_are_quoted(web: httpx.AsyncClient, seeded: Database, address: str) -> None:
    """A stored 441.3999938964844 becomes 441.4: no answer has more than four decimals or six digits of a price."""
    with seeded.write() as db:
        bars = store.history(db, "AAPL")
        prices = pl.col("open", "high", "low", "close", "adj_close")
        store.upsert(db, bars.with_columns((prices * 1.001).cast(pl.Float32).cast(pl.Float64)), "sample", NOW)
    await web.get("/predict/AAPL")
    numbers = [number for name, number in _numbers(strict((await web.get(address)).text)) if name not in SHARES]
    assert numbers
    assert [one for one in numbers if one not in {round(one, 4), float(f"{one:.6g}")}] == []


def _numbers(value: Any, name: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _numbers(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from _numbers(item, name)
    elif isinstance(value, float):
        yield name, value


async def test_indicators_are_null_until_their_window_is_full(web: httpx.AsyncClient) -> None:
    """The first rows have no 200-session mean; later ones don't depend on `start`."""
    whole = strict((await web.get("/api/indicators/AAPL")).text)
    assert whole["rows"][0]["sma_200"] is None
    assert whole["rows"][-1]["session"] == "2013-03-01"
    part = strict((await web.get("/api/indicators/AAPL", params={"start": "2013-03-01"})).text)
    assert part["rows"] == whole["rows"][-1:]
    assert {"sma_20", "rsi_14", "macd"} <= set(part["columns"])


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        ("/api/prices/NOPE", 404, "unknown_symbol"),
        ("/api/prices/AAPL?start=soon", 422, "bad_request"),
        ("/api/prices/AAPL?start=2013-03-01&end=2013-02-01", 422, "bad_request"),
        ("/api/indicators/A;B", 422, "invalid_symbol"),
        ("/api/forecasts?limit=100000", 422, "bad_request"),
        ("/api/forecasts?cursor=nonsense", 422, "bad_request"),
        ("/api/track-record?days=0", 422, "bad_request"),
        ("/api/models/v9", 404, "not_found"),
        ("/api/jobs/nothing", 404, "not_found"),
        ("/api/nothing", 404, "not_found"),
    ],
)
async def test_wrong_questions_have_a_stable_code(web: httpx.AsyncClient, address: str, status: int, code: str) -> None:
    """Each is problem+json with its status, code, one line and the path."""
    answer = await web.get(address)
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    assert body["detail"]
    assert "\n" not in body["detail"]
    assert body["instance"] == address.partition("?")[0]
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_ledger_pages_newest_first(web: httpx.AsyncClient) -> None:
    """The cursor leads through all forecasts, each once; one that isn't settled has no score."""
    await web.post("/predict", json={"symbols": ["AAPL", "MSFT", "IBM"]})
    first = strict((await web.get("/api/forecasts", params={"limit": 2})).text)
    rest = strict((await web.get("/api/forecasts", params={"limit": 2, "cursor": first["cursor"]})).text)
    kept = [*first["forecasts"], *rest["forecasts"]]
    assert sorted(one["symbol"] for one in kept) == ["AAPL", "IBM", "MSFT"]
    assert rest["cursor"] is None
    assert [one["score"] for one in kept] == [None] * 3
    assert {one["origin"] for one in kept} == {"live"}
    assert len(kept[0]["quantiles"]) == 21


async def test_a_settled_forecast_shows_its_score(app: FastAPI, seeded: Database) -> None:
    """Once the close is stored, ledger and track record say how the forecast came out."""
    last = sample_bars().filter(symbol="AAPL").tail(1)
    with seeded.write() as db:
        db.connection().exec_driver_sql("DELETE FROM bar WHERE symbol = 'AAPL' AND session = '2013-03-01'")
        db.connection().exec_driver_sql("UPDATE symbol SET last_session = '2013-02-28' WHERE symbol = 'AAPL'")
    async with talk_to(app) as client:
        assert (await client.get("/predict/AAPL")).json()["target_session"] == "2013-03-01"
        with seeded.write() as db:
            store.upsert(db, last, "sample", NOW)
        assert score_due(seeded, Clock(NOW)) == 1
        entry = strict((await client.get("/api/forecasts", params={"symbol": "aapl"})).text)["forecasts"][0]
        asked = {"symbol": "AAPL", "origin": entry["origin"]}
        record = strict((await client.get("/api/track-record", params=asked)).text)
        live = strict((await client.get("/api/track-record", params={"symbol": "AAPL"})).text)
        page = await client.get("/stocks/AAPL")
    assert entry["score"]["realised_close"] == 430.47
    assert entry["origin"] == "replay", "it was made after that close"
    assert (record["n"], record["symbol"], record["origin"]) == (1, "AAPL", "replay")
    assert (live["n"], live["replay"], live["origin"]) == (0, 1, "live")
    assert "1 replayed" in page.text


async def test_an_empty_track_record_is_nulls(web: httpx.AsyncClient) -> None:
    """With nothing settled every figure is null, none is zero or NaN."""
    body = strict((await web.get("/api/track-record")).text)
    assert (body["n"], body["mae"]) == (0, None)
    assert body["mae_ratio"] == {"value": None, "lower": None, "upper": None}


async def test_models_name_champion_candidates_and_decision(web: httpx.AsyncClient) -> None:
    """The list has the contest's table with the random walk in it; one version has its whole card."""
    body = strict((await web.get("/api/models")).text)
    assert (body["champion"], [one["version"] for one in body["models"]]) == ("v1", ["v1"])
    assert [row["name"] for row in body["candidates"]] == ["ridge", "random_walk"]
    assert body["decisions"][0]["reason"] == "best of two"
    one = strict((await web.get("/api/models/v1")).text)
    assert one["champion"] is True
    assert one["card"]["metrics"]["by_symbol"]["AAPL"]["mae_ratio"] == 0.998


async def test_models_say_which_proofs_have_run(web: httpx.AsyncClient, settings: Settings, seeded: Database) -> None:
    """A first champion's are running, or not run when its first run was stopped; then what each came to."""

    async def told() -> list[Any]:
        listed, one = (await web.get("/api/models")).json()["models"], (await web.get("/api/models/v2")).json()
        assert one["proofs"] == next(brief["proofs"] for brief in listed if brief["version"] == "v2")
        page = (await web.get("/models/v2")).text
        return [*one["proofs"].values(), *re.findall("Proofs: .*|The proofs of [^<]*", page)]

    put_champion(settings, seeded, "v2")
    assert await told() == ["not run", {}, "Proofs: not run.</p>"]
    put_champion(settings, seeded, "v3")
    champion.promote(settings, seeded, "v2", "first", {OWED: True}, NOW)
    notice = "The proofs of the first model {}; it is withdrawn if one fails"
    assert await told() == ["not run", {}, notice.format("haven&#39;t run yet"), "Proofs: not run.</p>"]
    run = runs.start(seeded, "first_run", "no champion", NOW)
    running = ["running", {}, notice.format("are running"), "Proofs: running, none has ended yet.</p>"]
    assert await told() == running
    assert notice.format("are running") in (await web.get("/")).text
    proofs = [{"name": "leakage", "passed": True}, {"name": "placebo", "passed": False}]
    champion.withdraw(settings, seeded, "v2", "placebo fails", {"proofs": proofs}, NOW)
    runs.finish(seeded, run.id, "failed", "placebo fails", None, NOW)
    ran = {"leakage": True, "placebo": False}
    assert await told() == ["failed", ran, "Proofs: leakage held, placebo failed.</p>"]
    assert (await web.get("/api/models")).json()["champion"] == "v3"


async def test_promote_and_rollback_move_the_champion(
    web: httpx.AsyncClient, settings: Settings, seeded: Database
) -> None:
    """Each change is served at once and leaves its reason."""
    put_champion(settings, seeded, "v2")
    back = await web.post("/api/models/rollback", json={"reason": "v2 looks odd"})
    assert (back.status_code, back.json()) == (200, {"champion": "v1", "reason": "v2 looks odd"})
    assert (await web.get("/api/models")).json()["champion"] == "v1"
    again = await web.post("/api/models/v2/promote")
    assert again.json()["champion"] == "v2"
    assert (await web.get("/predict/AAPL")).json()["model"]["version"] == "v2"
    decisions = (await web.get("/api/models")).json()["decisions"]
    assert [one["kind"] for one in decisions] == ["promotion", "rollback", "promotion", "promotion"]
    launch.stop_all()


async def test_the_watchlist_changes_and_a_typing_error_does_not(web: httpx.AsyncClient, seeded: Database) -> None:
    """PUT adds at the end, DELETE takes off; what the source doesn't know never gets on it."""
    assert (await web.put("/api/watchlist/fb")).json() == {"symbol": "FB", "watched": True}
    assert (await web.delete("/api/watchlist/MSFT")).json() == {"symbol": "MSFT", "watched": False}
    assert (await web.put("/api/watchlist/NOPE")).status_code == 404
    assert (await web.delete("/api/watchlist/NOPE")).status_code == 404
    with seeded.read() as db:
        assert store.watchlist(db) == ["AAPL", "GOOG", "IBM", "FB"]


async def test_a_job_that_is_running_is_not_started_twice(web: httpx.AsyncClient, seeded: Database) -> None:
    """The second start is 409, and the runs list says how far the first one is."""
    run = runs.start(seeded, "refresh", "test", NOW)
    runs.report(seeded, run.id, 0.5, "AAPL")
    second = await web.post("/api/jobs/refresh")
    assert (second.status_code, second.json()["code"]) == (409, "job_running")
    listed = strict((await web.get("/api/jobs")).text)["jobs"]
    assert (listed[0]["id"], listed[0]["progress"], listed[0]["message"]) == (run.id, 0.5, "AAPL")
    one = (await web.get(f"/api/jobs/{run.id}")).json()
    assert {**one, "remaining_s": None} == {**listed[0], "remaining_s": None}
    assert one["remaining_s"] >= 0.0


async def test_a_running_job_is_cancelled(web: httpx.AsyncClient, seeded: Database) -> None:
    """202 while it is still ending, 409 when it has ended, 404 for no run."""
    run = runs.start(seeded, "train", "test", NOW)
    answer = await web.post(f"/api/jobs/{run.id}/cancel")
    assert answer.status_code == 202
    assert (answer.json()["state"], answer.json()["stopping"]) == ("running", "cancelled")
    runs.finish(seeded, run.id, "lost", "ended", None, NOW)
    again = await web.post(f"/api/jobs/{run.id}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "job_ended")
    assert (await web.post("/api/jobs/01J/cancel")).status_code == 404
    assert (await web.get(f"/api/jobs/{run.id}")).json()["state"] == "cancelled"


async def test_a_kind_of_job_that_is_none_is_refused(web: httpx.AsyncClient) -> None:
    """The answer names the kinds there are."""
    answer = await web.post("/api/jobs/laundry")
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_request")


async def test_health_and_readiness(web: httpx.AsyncClient) -> None:
    """The process is healthy before it is ready; ready means store, prices and champion."""
    assert (await web.get("/healthz")).json() == {"status": "ok"}
    ready = await web.get("/readyz")
    assert ready.status_code == 200
    assert ready.json() == {
        "ready": True, "store": True, "champion": "v1", "champion_expired": False,
        "source": "sample", "symbols": 4, "sessions_behind": 0,
    }  # fmt: skip


async def test_a_new_store_is_healthy_but_not_ready(fresh: httpx.AsyncClient) -> None:
    """Without champion and prices readiness is 503, so that no load balancer sends traffic yet."""
    assert (await fresh.get("/healthz")).status_code == 200
    answer = await fresh.get("/readyz")
    assert (answer.status_code, answer.json()["champion"]) == (503, None)


async def test_metrics_count_by_route(web: httpx.AsyncClient) -> None:
    """Requests are counted by the route's pattern, so that symbols and guesses don't swell the counters."""
    await web.get("/predict/AAPL")
    await web.get("/predict/NOPE")
    await web.get("/no/such/thing")
    text = (await web.get("/metrics")).text
    assert 'nextclose_requests_total{method="GET",route="/predict/{symbol}",status="200"} 1.0' in text
    assert 'nextclose_requests_total{method="GET",route="/predict/{symbol}",status="404"} 1.0' in text
    assert 'route="unknown",status="404"' in text
    assert 'nextclose_champion{version="v1"} 1.0' in text
    assert "nextclose_sessions_behind 0.0" in text


async def test_metrics_tell_ages_outcomes_and_jobs(web: httpx.AsyncClient, seeded: Database) -> None:
    """When forecasts and bars are from, how the source answered, how jobs ended, and what live bands came to."""
    await web.get("/predict/AAPL")
    run = runs.start(seeded, "monitor", "test", NOW)
    claims = [
        {"name": name, "value": 0.1, "recent": recent}
        for name, recent in (("95 % band too narrow", 0.9375), ("worse than the random walk", -0.25))
    ]
    report = {"verdict": "watch", "drift": None, "made_at": NOW.isoformat(), "claims": claims}
    runs.finish(seeded, run.id, "done", "watch", report, NOW + timedelta(seconds=90))
    said = set((await web.get("/metrics")).text.splitlines())
    assert {
        f"nextclose_forecast_timestamp_seconds {NOW.timestamp()!r}",
        'nextclose_job_seconds{kind="monitor",state="done"} 90.0',
        'nextclose_coverage{level="95"} 0.9375',
        "nextclose_loss_ratio 0.75",
        "nextclose_verdict 1.0",
    } <= {_plain(line) for line in said}
    assert [line.rpartition(" ")[2] for line in said if line.startswith("nextclose_source_symbols{")] == ["5.0"]


def _plain(line: str) -> str:
    """Write a large number as Python does: the format has 1.362e+09."""
    name, _, value = line.rpartition(" ")
    return line if line.startswith("#") else f"{name} {float(value)!r}"


async def test_every_route_is_described(web: httpx.AsyncClient) -> None:
    """The OpenAPI document has the API's routes with their problems, and no page."""
    document = (await web.get("/openapi.json")).json()
    assert {"/predict/{symbol}", "/api/events", "/api/track-record", "/readyz"} <= set(document["paths"])
    assert "/stocks/{symbol}" not in document["paths"]
    problems = document["paths"]["/predict/{symbol}"]["get"]["responses"]["default"]["content"]
    assert list(problems) == ["application/problem+json"]
    text = (await web.get("/docs")).text
    assert "GET /predict/{symbol}" in text
    assert "With <code>explain</code> the" in text
    assert "&lt;code" not in text
