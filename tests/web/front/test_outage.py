"""The service while its database server is down, and after: what is ready is answered, the rest recovers by itself."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import httpx
import pytest
from fastapi import FastAPI

from app.core.db import migrate
from app.main import create_app
from tests.server import Server
from tests.web.conftest import _seed, _settings, talk_to
from tests.web.predictions.test_answers import NEXT, ask, put_bar, turn_clock

pytestmark = pytest.mark.postgres


@pytest.fixture
def service(own_server: Server, tmp_path: Path) -> Iterator[FastAPI]:
    """Build the service over the sample and a champion on a server of its own."""
    settings = _settings(tmp_path, own_server.url())
    built = create_app(settings, "127.0.0.1")
    database = built.state.nextclose.database
    migrate(database)
    _seed(settings, database)
    yield built
    database.dispose()


async def test_forecasts_are_served_while_the_server_is_down(service: FastAPI, own_server: Server) -> None:
    """Ready answers stay, at once; what needs the store is 503; then reads, writes and news go on without a restart."""
    async with talk_to(service) as web:
        ready = await ask(web)
        own_server.stop()
        began = monotonic()
        for _ in range(100):
            assert await ask(web) == ready
        assert monotonic() - began < 10
        for path in ("/predict/MSFT", "/api/symbols"):
            answer = await web.get(path)
            assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
            assert "s3cret" not in answer.text
        assert (await web.get("/readyz")).status_code == 503
        assert (await web.get("/healthz")).status_code == 200
        own_server.start()
        assert (await ask(web, "MSFT"))["symbol"] == "MSFT"
        turn_clock(service, datetime(2013, 3, 4, 22, 0, tzinfo=UTC))
        put_bar(service.state.nextclose.database)
        assert await until(web, str(NEXT.replace(day=5)))


async def until(web: httpx.AsyncClient, target: str) -> bool:
    """Say whether the answer comes to be about this session soon: the server is heard again within a second."""
    give_up = monotonic() + 20
    while monotonic() < give_up:
        if (await ask(web))["target_session"] == target:
            return True
    return False
