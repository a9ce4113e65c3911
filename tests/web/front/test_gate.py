"""Who is let in: a share of requests for each client, the service's own names, and proxies that were named."""

import sys
from collections.abc import Callable

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.cli import main
from app.core.db import Database
from app.core.errors import BadInput
from app.core.settings import Settings, load_settings
from app.web.edge import static
from app.web.front import gate
from tests.web.conftest import Build, talk_to

AFAR, OTHER = "192.0.2.7", "198.51.100.9"

Limited = Callable[..., FastAPI]


@pytest.fixture
def limited(settings: Settings, seeded: Database, build: Build, monkeypatch: pytest.MonkeyPatch) -> Limited:
    """Return a function that builds the service with settings of the gate, at an instant that stands still."""
    del seeded
    now = [1000.0]
    monkeypatch.setattr(gate, "monotonic", lambda: now[0])

    def built(**values: object) -> FastAPI:
        made = build(settings.model_copy(update=values), "0.0.0.0")  # noqa: S104 - reached from afar
        made.state.now = now
        return made

    return built


async def statuses(app: FastAPI, times: int, client: str, address: str = "/healthz", **said: str) -> list[int]:
    """Ask so often, and return what came of it."""
    async with talk_to(app, client) as web:
        return [(await web.get(address, headers=said)).status_code for _ in range(times)]


async def test_a_client_has_its_share(limited: Limited) -> None:
    """Ten seconds' worth at once, then 429 with a time after which one more is answered; a neighbour isn't touched.

    The page that says so has its style.
    """
    app = limited(rate_limit=0.5)
    for number, address in enumerate(("/predict/AAPL", "/healthz", "/no/such/page", "/static/app.css")):
        client, neighbour = f"192.0.2.{number}", f"198.51.100.{number}"
        usual = await statuses(app, 1, neighbour, address)
        assert await statuses(app, 7, client, address) == [*usual * 5, 429, 429]
        app.state.now[0] += 2
        assert await statuses(app, 2, client, address) == [*usual, 429]
    async with talk_to(app, client) as web:
        refused = await web.get(address)
        assert (refused.json()["code"], refused.headers["retry-after"]) == ("rate_limited", "2")
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.headers["x-frame-options"] == "DENY"
        page = await web.get(address, headers={"accept": "text/html"})
        assert "<h1" in page.text
        assert "ask again in 2 s" in page.text
        assert '<a href="">Try again</a>' in page.text
        assert [(await web.get(static.url(name))).status_code for name in ("app.css", "app.js")] == [200, 429]


async def test_this_machine_is_limited_only_if_asked_for(limited: Limited, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset, others get a hundred a second and we any number; a number holds for all; 0 for nobody."""
    monkeypatch.setattr(gate, "AT_ONCE_S", 0.05)
    for values, local, afar in (({}, 200, 429), ({"rate_limit": 100.0}, 429, 429), ({"rate_limit": 0.0}, 200, 200)):
        app = limited(**values)
        for client, last in (("127.0.0.1", local), (AFAR, afar)):
            assert (await statuses(app, 6, client))[-1] == last


async def test_a_network_of_ipv6_is_one_client(limited: Limited) -> None:
    """Who has one address of a /64 has all of them; an IPv4 address written as IPv6 is itself."""
    app = limited(rate_limit=0.1)
    assert await statuses(app, 1, "2001:db8::1") == [200]
    assert await statuses(app, 1, "2001:db8::beef") == [429]
    assert await statuses(app, 1, "2001:db8:0:1::1") == [200]
    assert await statuses(app, 1, f"::ffff:{AFAR}") == [200]
    assert await statuses(app, 1, AFAR) == [429]
    assert await statuses(app, 1, f"::ffff:{OTHER}") == [200]


async def test_clients_without_number_take_bounded_memory(limited: Limited, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that is known longest is forgotten."""
    monkeypatch.setattr(gate, "MOST_CLIENTS", 10)
    app = limited(rate_limit=0.1)
    for number in range(30):
        assert await statuses(app, 1, f"192.0.2.{number}") == [200]
    assert len(app.front._full_at) == 10  # type: ignore[attr-defined]


OURS = ("nextclose.example", "NextClose.Example:8000", "a.b.example.com", "localhost:8000", "127.0.0.1", "[::1]:8000")
FOREIGN = (
    "evil.example",
    "nextclose.example.evil.example",
    "example.com",
    "a@nextclose.example@x",
    "[",
    "]:",
    "192.0.2.1",
)


async def test_only_its_own_names_are_answered(limited: Limited) -> None:
    """Any name by default; where some are set, those, below a wildcard too, and this machine's own for its checks."""
    anything, app = limited(), limited(trusted_hosts=("nextclose.example", "*.example.com"))
    for host in (*OURS, *FOREIGN, ""):
        assert await statuses(anything, 1, AFAR, host=host) == [200], host
        for address in ("/predict/AAPL", "/healthz"):
            assert await statuses(app, 1, AFAR, address, host=host) == [200 if host in OURS else 400], host
    async with talk_to(app, AFAR) as web:
        assert (await web.get("/", headers={"host": "evil.example"})).json()["code"] == "unknown_host"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("TRUSTED_HOSTS", value) for value in ("http://a.example", "a.example:8000", "a.example/", "*a.example")),
        *(("TRUSTED_PROXIES", value) for value in ("proxy", "10.0.0.0/33", "10.0.0.1/8")),
        *(("RATE_LIMIT", value) for value in ("-1", "many", "nan", "inf")),
    ],
)
def test_what_would_never_match_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A setting that protects must not be one that is silently void."""
    monkeypatch.setenv(f"NEXTCLOSE_{name}", value)
    with pytest.raises(BadInput, match=f"NEXTCLOSE_{name}: "):
        load_settings()


@pytest.mark.parametrize(("proxies", "believed"), [("", False), ("10.0.0.0/8, 192.0.2.7", True), ("10.0.0.0/8", False)])
async def test_proxies_are_believed_if_named(
    monkeypatch: pytest.MonkeyPatch, limited: Limited, proxies: str, believed: bool
) -> None:
    """The server is started so that only a named proxy says who asks; each of its clients has a share."""
    started: dict[str, object] = {}
    monkeypatch.setattr(uvicorn, "run", lambda _app, **options: started.update(options))
    monkeypatch.setenv("NEXTCLOSE_TRUSTED_PROXIES", proxies)
    monkeypatch.setattr(sys, "argv", ["nextclose", "serve"])
    with pytest.raises(SystemExit):
        main()
    said = {name: started[name] for name in ("proxy_headers", "forwarded_allow_ips")}
    config = uvicorn.Config(limited(rate_limit=0.1), lifespan="off", log_config=None, **said)  # type: ignore[arg-type]
    config.load()
    assert isinstance(config.loaded_app, ProxyHeadersMiddleware) is bool(proxies)
    transport = httpx.ASGITransport(config.loaded_app, client=(AFAR, 40_000))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as web:
        asked = [await web.get("/healthz", headers={"x-forwarded-for": client}) for client in (OTHER, "192.0.2.8")]
    assert [one.status_code for one in asked] == [200, 200 if believed else 429]
