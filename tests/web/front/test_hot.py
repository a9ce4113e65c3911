"""The layer ahead of all others: what it sends is what the routes send, and it bears a crowd."""

import asyncio
import gzip
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.web.edge import security, static
from app.web.front import hot
from tests.web.conftest import talk_to

AT_ONCE = 40


@pytest.mark.parametrize("address", ["/predict/AAPL", "/predict?symbol=AAPL"])
@pytest.mark.parametrize(
    "headers", [{"accept-encoding": "identity"}, {"accept-encoding": "gzip"}, {"accept": "text/html"}]
)
async def test_a_ready_answer_is_the_routes_answer(
    app: FastAPI, web: httpx.AsyncClient, address: str, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status, headers and body are equal to the byte; small answers and packed ones alike."""
    await web.get(address)
    both = []
    for least in (security.GZIP_FROM_BYTES, 100):
        monkeypatch.setattr(security, "GZIP_FROM_BYTES", least)
        ready = await web.get(address, headers=headers)
        assert app.state.answers.ready("AAPL") is not None
        with monkeypatch.context() as patch:
            patch.setattr(app.state.answers, "ready", lambda *_: None)
            both.append((ready, await web.get(address, headers=headers)))
    assert [(one.status_code, dict(one.headers), one.content) for one, _ in both[:1]] == [
        (other.status_code, dict(other.headers), other.content) for _, other in both[:1]
    ]
    packed = both[1][0]
    assert packed.headers.get("content-encoding") == (
        "gzip" if "gzip" in headers.get("accept-encoding", "gzip") else None
    )
    assert packed.content == both[0][0].content


async def test_who_holds_the_answer_gets_304(app: FastAPI, web: httpx.AsyncClient) -> None:
    """ETag and If-None-Match, ready or not; another forecast has another tag."""
    first = await web.get("/predict/AAPL")
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "no-cache"
    for held in (tag, f'"other", {tag}', "*", tag.removeprefix("W/")):
        again = await web.get("/predict/AAPL", headers={"if-none-match": held})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["x-frame-options"] == "DENY"
    assert (await web.get("/predict/AAPL", headers={"if-none-match": '"other"'})).status_code == 200
    assert (await web.get("/predict/IBM", headers={"if-none-match": tag})).status_code == 200
    app.state.answers._snapshot = type(app.state.answers._snapshot)()
    assert (await web.get("/predict/AAPL", headers={"if-none-match": tag})).status_code == 304


@pytest.mark.parametrize("address", ["/predict/AAPL", "/predict/NOPE", "/", "/api/symbols", "/static/app.css", "/no"])
async def test_head_is_get_without_the_body(web: httpx.AsyncClient, address: str) -> None:
    """Same status and headers, nothing else; ready or not."""
    for _ in range(2):
        answer = await web.get(address)
        head = await web.head(address)
        assert (head.status_code, head.content) == (answer.status_code, b"")
        assert {**head.headers, "date": ""} == {**answer.headers, "date": ""}


async def test_a_crowd_asks_once(app: FastAPI, web: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many ask for a symbol that isn't ready, it is forecast once, and all get the same answer."""
    asked: list[Any] = []
    fill = app.state.answers.fill

    def counted(texts: list[str], **how: bool) -> Any:
        asked.append(texts)
        return fill(texts, **how)

    app.state.answers.snapshot()
    monkeypatch.setattr(app.state.answers, "fill", counted)
    found = await asyncio.gather(*(web.get("/predict/AAPL") for _ in range(AT_ONCE)))
    assert {one.content for one in found} == {found[0].content}
    assert asked == [["AAPL"]]


async def test_a_crowd_that_asks_in_vain_is_answered_too(web: httpx.AsyncClient) -> None:
    """Nobody waits for good for a symbol that has no forecast."""
    found = await asyncio.gather(*(web.get("/predict/FB") for _ in range(AT_ONCE)))
    assert {one.status_code for one in found} == {409}


async def test_too_much_at_once_is_refused_quickly(web: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't be borne is 503 at once with a time to come back, on a page that has its files.

    Ready answers and /healthz are answered as ever.
    """
    await web.get("/predict/AAPL")
    monkeypatch.setattr(hot, "MAX_BUSY", 0)
    refused = await web.get("/api/symbols")
    assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (503, "overloaded", "1")
    assert refused.headers["x-frame-options"] == "DENY"
    answered = ("/predict/AAPL", "/healthz", static.url("app.css"))
    assert [(await web.get(path)).status_code for path in answered] == [200] * 3
    monkeypatch.undo()
    assert (await web.get("/api/symbols")).status_code == 200


async def test_ready_answers_are_counted(web: httpx.AsyncClient) -> None:
    """/metrics counts and times them under the route's own name, whichever layer answered."""
    for _ in range(5):
        await web.get("/predict/AAPL")
    await web.get("/predict", params={"symbol": "AAPL"})
    text = (await web.get("/metrics")).text
    assert 'nextclose_requests_total{method="GET",route="/predict/{symbol}",status="200"} 5.0' in text
    assert 'nextclose_requests_total{method="GET",route="/predict",status="200"} 1.0' in text
    assert 'nextclose_request_seconds_count{route="/predict/{symbol}"} 5.0' in text


@pytest.mark.parametrize(
    "address", ["/predict/aapl", "/predict/%41APL", "/predict/AAPL?", "/predict?symbol=aapl", "/predict?symbol=%20AAPL"]
)
async def test_other_spellings_are_the_same_answer(web: httpx.AsyncClient, address: str) -> None:
    """A symbol has one forecast, however it is spelt."""
    expected = (await web.get("/predict/AAPL")).content
    assert [(await web.get(address)).content for _ in range(2)] == [expected] * 2


async def test_a_packed_answer_unpacks_to_the_same(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    """The packed bytes are made once."""
    monkeypatch.setattr(security, "GZIP_FROM_BYTES", 100)
    app.state.answers.fill(["AAPL"])
    app.state.answers.fill(["AAPL"])
    answer = app.state.answers.ready("AAPL")
    _, body = hot._messages(answer, packed=True)
    assert gzip.decompress(body["body"]) == answer.body
    assert hot._messages(answer, packed=True)[1] is body
    async with talk_to(app) as client:
        assert (await client.get("/predict/AAPL")).headers["content-encoding"] == "gzip"
