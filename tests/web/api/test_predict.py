"""/predict answers the contract's JSON, whatever is asked for."""

import json
import math
from threading import BoundedSemaphore

import httpx
import pytest
from fastapi import FastAPI

from app.core.db import Database
from app.prices import store
from app.web.edge import lookups
from tests.web.conftest import talk_to


async def test_one_forecast_is_the_contracts_json(web: httpx.AsyncClient) -> None:
    """Every field of the contract is there, no other one, and the target is the session after the last bar."""
    answer = await web.get("/predict/AAPL")
    assert answer.status_code == 200
    body = answer.json()
    assert list(body) == [
        "prediction_id", "symbol", "as_of", "target_session", "target_close_at", "last_close", "predicted_close",
        "predicted_return", "prob_up", "intervals", "model", "expected_move", "usual_move", "event", "data",
    ]  # fmt: skip
    assert (body["symbol"], body["as_of"], body["target_session"]) == ("AAPL", "2013-03-01", "2013-03-04")
    assert body["target_close_at"] == "2013-03-04T21:00:00Z"
    assert body["last_close"] == 430.47
    assert body["predicted_close"] == pytest.approx(430.47 * (1 + body["predicted_return"]))
    assert [interval["level"] for interval in body["intervals"]] == [0.5, 0.8, 0.95]
    assert all(interval["lower"] < interval["upper"] for interval in body["intervals"])
    assert (round(body["usual_move"], 4), body["event"]) == (0.0144, None)
    assert 0 < body["expected_move"] < 0.1
    assert body["model"] == {
        "name": "ridge", "version": "v1", "trained_through": "2013-02-28", "verdict": "no point skill shown",
        "expired": False, "proofs_owed": False,
    }  # fmt: skip
    assert body["data"] == {
        "source": "sample", "fetched_at": "2013-03-01T22:00:00Z", "sessions_behind": 0, "stale": False,
        "missing_inputs": ["earnings_days", "volatility_index"],
    }  # fmt: skip


async def test_the_query_asks_for_the_same_forecast(web: httpx.AsyncClient) -> None:
    """GET /predict?symbol= gives the forecast of GET /predict/{symbol}, in any spelling."""
    by_path = (await web.get("/predict/AAPL")).json()
    by_query = (await web.get("/predict", params={"symbol": " aapl "})).json()
    assert by_query == by_path


async def test_many_keep_their_order_and_a_bad_one_fails_alone(web: httpx.AsyncClient) -> None:
    """Symbols that aren't one, an unknown one and a repeated one change nothing for their neighbours."""
    asked = ["MSFT", "AAPL;DROP", "AAPL", "NOPE", "MSFT", "\ud800"]
    as_json = {"content-type": "application/json"}
    answer = await web.post("/predict", content=json.dumps({"symbols": asked}), headers=as_json)
    assert answer.status_code == 200
    body = answer.json()
    assert [one["symbol"] for one in body["predictions"]] == ["MSFT", "AAPL", "MSFT"]
    assert [(one["symbol"], one["code"]) for one in body["errors"]] == [
        ("AAPL;DROP", "invalid_symbol"),
        ("NOPE", "unknown_symbol"),
        ("?", "invalid_symbol"),
    ]


async def test_many_are_packed_for_who_takes_that(web: httpx.AsyncClient) -> None:
    """The same list again is the same bytes; packed or not, it says the same, and in another order something else."""
    names = {"symbols": ["AAPL", "IBM", "NOPE"]}
    answers = [
        await web.post("/predict", json=names, headers={"accept-encoding": encoding})
        for encoding in ("identity", "identity", "gzip", "gzip")
    ]
    assert {one.content for one in answers} == {answers[0].content}
    assert ["content-encoding" in one.headers for one in answers] == [False, False, True, True]
    other = (await web.post("/predict", json={"symbols": ["IBM", "AAPL"]})).json()
    assert other["predictions"] == answers[0].json()["predictions"][::-1]


async def test_a_thousand_symbols_are_answered_and_more_refused(web: httpx.AsyncClient) -> None:
    """1,000 is the limit: one more is 413 too_many_symbols."""
    most = await web.post("/predict", json={"symbols": ["AAPL"] * 1000})
    assert (most.status_code, len(most.json()["predictions"])) == (200, 1000)
    more = await web.post("/predict", json={"symbols": ["AAPL"] * 1001})
    assert (more.status_code, more.json()["code"]) == (413, "too_many_symbols")


async def test_a_list_of_guesses_is_not_passed_on_to_the_source(web: httpx.AsyncClient) -> None:
    """Only the first few unknown symbols of a request are looked up; each of the others is an error that says so."""
    answer = await web.post("/predict", json={"symbols": [f"X{number}" for number in range(20)]})
    errors = answer.json()["errors"]
    assert [one["code"] for one in errors] == ["unknown_symbol"] * 20
    assert ["looks up 16 at most" in one["detail"] for one in errors] == [False] * 16 + [True] * 4


@pytest.mark.parametrize("address", ["/predict/NOPE", "/predict?symbol=NOPE"])
async def test_an_unknown_symbol_is_404(web: httpx.AsyncClient, address: str) -> None:
    """A symbol that the source doesn't know either is a problem with a stable code."""
    answer = await web.get(address)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_symbol")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_what_is_no_symbol_is_422(web: httpx.AsyncClient, seeded: Database) -> None:
    """`AAPL;DROP` is refused by its spelling, and nothing of it is stored."""
    answer = await web.get("/predict/AAPL;DROP")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_symbol")
    with seeded.read() as db:
        assert "AAPL;DROP" not in {status.symbol for status in store.statuses(db)}


async def test_an_unknown_symbol_is_found_at_the_source(web: httpx.AsyncClient, seeded: Database) -> None:
    """A symbol that only the source knows is fetched, stored and forecast in one request."""
    with seeded.write() as db:
        db.connection().exec_driver_sql("DELETE FROM bar WHERE symbol = 'IBM'")
        db.connection().exec_driver_sql("DELETE FROM symbol WHERE symbol = 'IBM'")
    answer = await web.get("/predict/IBM")
    assert (answer.status_code, answer.json()["symbol"]) == (200, "IBM")


async def test_guesses_of_strangers_hold_only_some_threads(
    web: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While all lookups are taken an unknown symbol is 429; what is stored is answered as ever."""
    monkeypatch.setattr(lookups, "_places", BoundedSemaphore(0))  # sixteen slow sources would test the machine
    unknown = await web.get("/predict/NOPE")
    assert (unknown.status_code, unknown.json()["code"]) == (429, "rate_limited")
    assert unknown.headers["retry-after"] == "60"
    assert (await web.get("/predict/AAPL")).status_code == 200


async def test_too_little_history_is_409(web: httpx.AsyncClient) -> None:
    """FB was listed nine months before the sample's end: too little for this model."""
    answer = await web.get("/predict/FB")
    assert (answer.status_code, answer.json()["code"]) == (409, "no_history")


async def test_before_the_first_model_it_is_503_with_a_time_to_ask_again(bare: FastAPI) -> None:
    """Without a champion nothing can be forecast, and the answer says when to come back."""
    async with talk_to(bare) as client:
        one = await client.get("/predict/AAPL")
        many = await client.post("/predict", json={"symbols": ["AAPL"]})
    assert {(answer.status_code, answer.json()["code"]) for answer in (one, many)} == {(503, "no_champion")}
    assert one.headers["retry-after"] == "30"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[]", 422),
        (b'{"symbols": []}', 422),
        (b'{"symbols": [1]}', 422),
        (b"{}", 422),
        (b'{"symbols": "AAPL"}', 422),
    ],
)
async def test_a_body_that_is_wrong_is_a_problem(web: httpx.AsyncClient, body: bytes, status: int) -> None:
    """No wrong body is a server error, and each answer is problem+json."""
    answer = await web.post("/predict", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (status, "bad_request")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_forecast_is_explained_when_asked(web: httpx.AsyncClient) -> None:
    """The same answer with `drivers`, which add up to its figures; without asking there are none."""
    plain = (await web.get("/predict/AAPL")).json()
    asked = (await web.get("/predict/AAPL", params={"explain": "true"})).json()
    drivers = asked.pop("drivers")
    assert asked == plain
    assert "drivers" not in plain
    for name, total in (
        ("expected_move", math.log(plain["expected_move"] / plain["usual_move"])),
        ("predicted_return", plain["predicted_return"]),
    ):
        parts = drivers[name]["contributions"]
        assert sum(one["contribution"] for one in parts) == pytest.approx(drivers[name]["total"])
        assert drivers[name]["total"] == pytest.approx(total)
    assert (await web.get("/predict", params={"symbol": "AAPL", "explain": "1"})).json()["drivers"] == drivers
    assert (await web.get("/predict/AAPL", params={"explain": "maybe"})).status_code == 422
    page = await web.get("/stocks/AAPL/drivers", headers={"accept": "text/html"})
    assert (page.status_code, "All together" in page.text) == (200, True)
    assert (await web.get("/stocks/NOPE/drivers")).status_code == 404
