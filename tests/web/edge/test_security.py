"""Who may change state, and what every answer asks of the browser."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.types import Message

from app.core.db import Database
from app.core.settings import Settings
from app.prices import store
from app.web.edge import security
from tests.web.conftest import Build, talk_to

CHANGE = "/api/watchlist/FB"


@pytest.mark.parametrize("address", ["/", "/predict/AAPL", "/api/nothing", "/static/app.css", "/healthz"])
async def test_every_answer_has_the_headers(web: httpx.AsyncClient, address: str) -> None:
    """Pages, JSON, errors and files alike; scripts come from our own origin only, none is inline."""
    answer = await web.get(address)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'self'")
    assert "script-src" not in policy
    assert "unsafe-eval" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "same-origin"


async def test_an_unforeseen_failure_says_nothing_and_keeps_the_headers(app: FastAPI) -> None:
    """The answer is a plain problem: no message of the exception, no path, no traceback."""

    @app.get("/boom")
    def boom() -> None:
        msg = "secret in /home/somebody"
        raise ValueError(msg)

    async with talk_to(app) as client:
        answer = await client.get("/boom")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "secret" not in answer.text
    assert answer.headers["x-frame-options"] == "DENY"


async def test_this_machine_may_change(web: httpx.AsyncClient) -> None:
    """Without a token a request of this machine to a service on loopback is enough."""
    assert (await web.put(CHANGE)).status_code == 200


@pytest.mark.parametrize(
    ("client", "base", "headers"),
    [
        ("192.0.2.7", "http://127.0.0.1:8000", {}),
        ("127.0.0.1", "http://rebound.example:8000", {}),
        ("127.0.0.1", "http://127.0.0.1.example", {}),
        ("127.0.0.1", "http://127.0.0.1:8000", {"x-forwarded-for": "192.0.2.7"}),
        ("127.0.0.1", "http://127.0.0.1:8000", {"forwarded": "for=192.0.2.7"}),
        ("127.0.0.1", "http://127.0.0.1:8000", {"origin": "https://evil.example"}),
        ("127.0.0.1", "http://127.0.0.1:8000", {"origin": "null"}),
        ("127.0.0.1", "http://127.0.0.1:8000", {"sec-fetch-site": "cross-site"}),
        ("127.0.0.1", "http://127.0.0.1:8000", {"sec-fetch-site": "same-site"}),
    ],
    ids=[
        "from afar",
        "rebound",
        "look-alike",
        "proxied",
        "forwarded",
        "other origin",
        "no origin",
        "cross",
        "same site",
    ],
)
async def test_everybody_else_may_not(
    app: FastAPI, seeded: Database, client: str, base: str, headers: dict[str, str]
) -> None:
    """From afar, by a rebound name, through a proxy or from another site: 403, and nothing is changed."""
    async with talk_to(app, client, base) as other:
        answer = await other.put(CHANGE, headers=headers)
        as_form = await other.post("/stocks/FB/watch", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert as_form.status_code == 403
    with seeded.read() as db:
        assert "FB" not in store.watchlist(db)


@pytest.mark.parametrize("bind_host", [None, "0.0.0.0", "192.0.2.1"])  # noqa: S104 - the very thing that is refused
async def test_a_service_on_a_network_needs_a_token(
    settings: Settings, seeded: Database, build: Build, bind_host: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bound to anything but loopback, or to nobody knows what, even this machine is refused."""
    del seeded
    monkeypatch.delenv("UVICORN_HOST", raising=False)
    async with talk_to(build(settings, bind_host)) as client:
        assert (await client.put(CHANGE)).status_code == 403


async def test_the_token_opens_and_nothing_else_does(settings: Settings, seeded: Database, build: Build) -> None:
    """With a token configured, loopback alone no longer suffices, and the token works from anywhere."""
    del seeded
    app = build(settings.model_copy(update={"admin_token": SecretStr("s3cret")}), "192.0.2.1")
    async with talk_to(app, "192.0.2.7", "http://nextclose.example") as client:
        for header in ("", "Bearer", "Bearer wrong", "Basic s3cret", "Bearer s3cret2", "Bearer \u00e9".encode()):
            refused = await client.put(CHANGE, headers={"authorization": header})
            assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized"), header
            assert refused.headers["www-authenticate"].startswith("Bearer")
        assert (await client.put(CHANGE, headers={"authorization": "Bearer s3cret"})).status_code == 200
    async with talk_to(app) as client:
        assert (await client.put(CHANGE)).status_code == 401
        assert "Remove from watchlist" not in (await client.get("/stocks/AAPL")).text


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("PUT", "/api/watchlist/FB"),
        ("DELETE", "/api/watchlist/AAPL"),
        ("POST", "/api/jobs/refresh"),
        ("POST", "/api/models/v1/promote"),
        ("POST", "/api/models/rollback"),
        ("POST", "/api/jobs/01J/cancel"),
        ("POST", "/api/alerts"),
        ("POST", "/api/alerts/test"),
        ("DELETE", "/api/alerts/01J"),
        ("POST", "/alerts"),
        ("POST", "/alerts/test"),
        ("POST", "/alerts/01J/remove"),
        ("POST", "/jobs/refresh"),
        ("POST", "/jobs/01J/cancel"),
        ("POST", "/stocks/AAPL/watch"),
        ("POST", "/stocks/AAPL/unwatch"),
        ("POST", "/models/v1/promote"),
        ("POST", "/models/rollback"),
        ("POST", "/data/quarantine/1/drop"),
        ("POST", "/api/quarantine/1/drop"),
    ],
)
async def test_every_change_is_guarded(app: FastAPI, method: str, address: str) -> None:
    """No route that changes state answers a stranger."""
    async with talk_to(app, "192.0.2.7") as stranger:
        assert (await stranger.request(method, address)).status_code == 403


async def test_no_changing_route_was_forgotten(app: FastAPI) -> None:
    """Whatever takes PUT, DELETE, PATCH or POST asks who it is, but /predict, which only reads."""
    document = app.openapi()
    changing = {
        (method, path)
        for path, methods in document["paths"].items()
        for method, route in methods.items()
        if method != "get" and "changes" not in route["tags"]
    }
    assert changing == {("post", "/predict")}


async def test_a_large_body_is_refused(web: httpx.AsyncClient) -> None:
    """More than 256 KB is 413, whatever it says."""

    async def piecemeal() -> AsyncIterator[bytes]:
        for _ in range(300):
            yield b" " * 1024

    announced = await web.post("/predict", json={"symbols": ["A" * 300_000]})
    arriving = await web.post("/predict", content=piecemeal(), headers={"content-type": "application/json"})
    assert {(answer.status_code, answer.json()["code"]) for answer in (announced, arriving)} == {
        (413, "body_too_large")
    }
    assert announced.headers["x-frame-options"] == "DENY"


async def test_a_body_that_never_ends_gives_its_place_back(
    web: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What isn't there in time is 408, as JSON and as a form; a body in time isn't touched."""
    monkeypatch.setattr(security, "BODY_S", 0.1)

    async def hanging() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(60)

    for address in ("/predict", "/alerts"):
        answer = await web.post(address, content=hanging(), headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (408, "body_too_slow")
    assert (await web.post("/predict", json={"symbols": ["AAPL"]})).status_code == 200


async def test_a_stream_lets_a_body_pass(app: FastAPI) -> None:
    """Nobody reads it, however large it is: the answer begins, and ends when the client leaves."""
    arriving = [{"type": "http.request", "body": b"x" * security.MAX_BODY_BYTES, "more_body": True}] * 2
    sent: list[Message] = []

    async def receive() -> Message:
        return arriving.pop() if arriving else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "GET", "path": "/api/events", "query_string": b"", "http_version": "1.1",
        "headers": [(b"accept", b"text/event-stream")], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000),
        "scheme": "http", "root_path": "",
    }  # fmt: skip
    await app(scope, receive, send)
    assert arriving == []
    assert all(message.get("status", 200) == 200 for message in sent)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True), ("127.0.0.1:8000", True), ("localhost:8000", True), ("::1", True), ("[::1]:8000", True),
        ("192.0.2.1", False), ("example.com", False), ("localhost.example.com", False), ("", False), (None, False),
    ],
)  # fmt: skip
def test_loopback_is_known_by_its_address(host: str | None, expected: bool) -> None:
    """Names that only look like it aren't."""
    assert security.is_loopback(host) is expected
