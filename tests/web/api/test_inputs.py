"""What OpenAPI says of addresses and what the service takes are one."""

import httpx
import pytest
from hypothesis import given
from hypothesis import settings as settings_of
from hypothesis import strategies as st

from app.core.db import Database
from app.prices import store
from app.prices.symbols import normalise, stock
from app.web.api import inputs


@pytest.mark.parametrize(
    ("method", "address", "allowed"),
    [
        ("DELETE", "/predict", "GET, HEAD, POST"),
        ("PUT", "/predict/AAPL", "GET, HEAD"),
        ("GET", "/api/watchlist/AAPL", "DELETE, PUT"),
        ("PUT", "/api/models/rollback", "POST"),
        ("DELETE", "/api/models/v1", "GET, HEAD"),
        ("PUT", "/api/jobs/refresh", "GET, HEAD, POST"),
        ("POST", "/static/app.css", "GET, HEAD"),
    ],
)
async def test_a_wrong_method_gets_the_right_ones(
    web: httpx.AsyncClient, method: str, address: str, allowed: str
) -> None:
    """Allow names every method of the path, not those of the first route on it."""
    answer = await web.request(method, address)
    assert (answer.status_code, sorted(answer.headers["allow"].split(", "))) == (405, sorted(allowed.split(", ")))


async def test_a_store_without_a_watchlist_is_ready(web: httpx.AsyncClient, seeded: Database) -> None:
    """Prices that were imported can be forecast, watched or not; their age is then that of all."""
    with seeded.write() as db:
        store.unwatch(db, store.watchlist(db))
    answer = await web.get("/readyz")
    assert (answer.status_code, answer.json()["ready"], answer.json()["symbols"]) == (200, True, 5)


@pytest.mark.parametrize(
    ("method", "address", "body"),
    [
        ("GET", "/api/forecasts?model=%00", None),
        ("GET", "/api/jobs/%00", None),
        ("GET", "/api/models/decisions?version=%00", None),
        ("DELETE", "/api/alerts/%00", None),
        ("POST", "/api/models/v1/promote", {"reason": "a\0b"}),
    ],
)
async def test_a_character_that_no_database_keeps_is_no_error_of_ours(
    web: httpx.AsyncClient, method: str, address: str, body: dict[str, str] | None
) -> None:
    """PostgreSQL has no NUL in a text: it is found nowhere, or refused."""
    assert (await web.request(method, address, json=body)).status_code < 500


@pytest.mark.parametrize("day", ["0", "1362096000", "20130301", "2013-03-01T00:00:00", "1e3"])
async def test_a_day_is_written_in_one_way(web: httpx.AsyncClient, day: str) -> None:
    """What OpenAPI calls a date is taken, and no number of seconds."""
    assert (await web.get("/api/prices/AAPL", params={"start": day})).status_code == 422


@given(st.data())
@settings_of(max_examples=200)
def test_openapi_says_which_symbols_are_taken(data: st.DataObject) -> None:
    """Whatever the published patterns match is a symbol."""
    normalise(data.draw(st.from_regex(f"^{inputs._SYMBOL}$", fullmatch=True)))
    stock(data.draw(st.from_regex(f"^{inputs._STOCK}$", fullmatch=True)))
