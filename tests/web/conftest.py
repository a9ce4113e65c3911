"""The service over the bundled sample on the evening of its last session, with a champion written down by hand."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from time import monotonic, sleep

import httpx
import pytest
from fastapi import FastAPI
from sqlmodel import Session

from app.core import postgres
from app.core.db import Database
from app.core.settings import Settings
from app.main import create_app
from app.prices import store
from app.prices.refresh.first_run import store_sample
from app.registry.promotion import champion
from app.registry.versions import artefact
from app.registry.versions.card import Metrics, Score
from app.registry.versions.model import Model
from tests.conftest import copy_database
from tests.forecasts import small
from tests.server import Server

NOW = datetime(2013, 3, 1, 22, 0, tzinfo=UTC)
"""An hour after the close of the sample's last session: the next one, 2013-03-04, can be forecast."""
WATCHED = ("AAPL", "MSFT", "GOOG", "IBM")
TESTED = Score(
    n=2385,
    sessions=2385,
    mae_ratio=0.998,
    mae_ratio_low=0.995,
    mae_ratio_high=1.001,
    crps_skill=0.016,
    hit=0.518,
    base_rate=0.533,
    coverage_50=0.48,
    coverage_80=0.772,
    coverage_95=0.942,
)
CONTEST = [
    {**TESTED.model_dump(), "name": name, "seconds": 1.5, "crps_skill": skill}
    for name, skill in (("ridge", 0.016), ("random_walk", 0.0))
]

Ask = Callable[..., "httpx.AsyncClient"]


def model(version: str = "v1") -> Model:
    """Return a small model whose card says that it was tested on AAPL."""
    made = small.model(version)
    by_part = {"2012": TESTED}
    metrics = Metrics(
        overall=TESTED, by_year=by_part, by_tercile={"low": TESTED}, by_symbol={"AAPL": TESTED}, pit=(0.05,) * 20
    )
    card = made.card.model_copy(
        update={"metrics": metrics, "trained_through": date(2013, 2, 28), "symbols": WATCHED, "created_at": NOW}
    )
    return replace(made, card=card)


def put_champion(settings: Settings, database: Database, version: str = "v1") -> None:
    """Save a version and make it the champion, with its contest as the evidence."""
    artefact.save(model(version), settings.models_dir / version)
    champion.promote(settings, database, version, "best of two", {"contest": CONTEST}, NOW)


@pytest.fixture
def settings(tmp_path: Path, store_url: str | None) -> Settings:
    """Return settings whose every folder is the test's own, on the sample's last evening."""
    return _settings(tmp_path, store_url)


def _settings(home: Path, store_url: str | None = None) -> Settings:
    folders = {"home": home / "var", "models_dir": home / "trained_models"}
    return Settings(**folders, source="sample", symbols=WATCHED, now=NOW, database_url=store_url)


@pytest.fixture
def store_url(engine: str, request: pytest.FixtureRequest) -> Iterator[str | None]:
    """Return the URL of the test's own database, seeded if the test asks for that; None for SQLite."""
    if engine == "sqlite":
        yield None
        return
    template = request.getfixturevalue("_pg_seeded" if "seeded" in request.fixturenames else "_pg_empty_store")
    yield from copy_database(request.getfixturevalue("pg_server"), template)


@pytest.fixture(scope="session")
def _seeded(tmp_path_factory: pytest.TempPathFactory, _empty_store: bytes) -> Path:
    """Make a folder with the sample stored and a champion, once, to be copied for each test."""
    home = tmp_path_factory.mktemp("seeded")
    settings = _settings(home)
    settings.home.mkdir()
    (settings.home / "nextclose.db").write_bytes(_empty_store)
    database = Database(settings.database)
    _seed(settings, database)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.dispose()
    return home


@pytest.fixture(scope="session")
def _pg_seeded(pg_server: Server, _pg_empty_store: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Make a database as `_seeded` makes a file, and return its name."""
    home = tmp_path_factory.mktemp("seeded")
    name = home.name  # numbered, as every room that imports this fixture makes its own
    pg_server.run(f"CREATE DATABASE {name} TEMPLATE {_pg_empty_store}")
    settings = _settings(home, pg_server.url(name))
    database = Database(settings.database)
    _seed(settings, database)
    database.dispose()
    return name


def _seed(settings: Settings, database: Database) -> None:
    with database.write() as db:
        store.watch(db, WATCHED, NOW)
    store_sample(database, NOW)
    put_champion(settings, database)


class Told(Database):
    """A store as another process has it: what it commits is known to the services of the test when it returns.

    SQLite's file tells at once; PostgreSQL's word is under way for a moment, which no test should depend on.
    """

    def __init__(self, url: str, apps: list[FastAPI]) -> None:
        super().__init__(url)
        self._apps = apps

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Write, and wait until who listens has heard of it."""
        with super().write() as db:
            yield db
            number = db.connection().info.get(postgres.COMMIT, 0)
        listening = [one for app in self._apps if getattr(one := app.state.nextclose.database.commits, "_hears", False)]
        give_up = monotonic() + 20
        while any(one.count()[1] < number for one in listening) and monotonic() < give_up:
            sleep(0.001)


@pytest.fixture
def apps() -> list[FastAPI]:
    """Return the list of the services that the test has built."""
    return []


@pytest.fixture
def seeded(settings: Settings, _seeded: Path, apps: list[FastAPI]):  # noqa: ANN201 - it closes what it opened
    """Open a store with the sample's prices, and a champion; no forecast is made yet."""
    shutil.copytree(_seeded / "var", settings.home)
    if settings.database_url is not None:
        (settings.home / "nextclose.db").unlink()
    shutil.copytree(_seeded / "trained_models", settings.models_dir)
    opened = Told(settings.database, apps)
    yield opened
    opened.dispose()


Build = Callable[..., FastAPI]


@pytest.fixture
def build(apps: list[FastAPI]) -> Iterator[Build]:
    """Return a function that builds the service as `nextclose serve` does; its scheduler doesn't run."""

    def built(settings: Settings, bind_host: str | None = "127.0.0.1") -> FastAPI:
        apps.append(create_app(settings, bind_host))
        return apps[-1]

    yield built
    for app in apps:
        app.state.nextclose.database.dispose()


@pytest.fixture
def app(settings: Settings, seeded: Database, build: Build) -> FastAPI:  # noqa: ARG001 - the app opens the same store
    """Build the service over the sample and a champion, bound to loopback."""
    return build(settings)


@pytest.fixture
def bare(settings: Settings, database: Database, build: Build) -> FastAPI:  # noqa: ARG001 - the app opens the same store
    """Build the service over a store that was just created."""
    return build(settings)


class OverTheWire(httpx.ASGITransport):
    """Hands over each request in a turn of the event loop of its own, as a socket does."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Wait for the next turn first."""
        await asyncio.sleep(0)
        return await super().handle_async_request(request)


def talk_to(app: FastAPI, client: str = "127.0.0.1", base: str = "http://127.0.0.1:8000") -> httpx.AsyncClient:
    """Return a client of the app that comes from an address and names a host."""
    return httpx.AsyncClient(
        transport=OverTheWire(app, raise_app_exceptions=False, client=(client, 40_000)), base_url=base
    )


@pytest.fixture
async def web(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client on this machine of the service with prices and a champion."""
    async with talk_to(app) as client:
        yield client


@pytest.fixture
async def fresh(bare: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client of the service over an empty store."""
    async with talk_to(bare) as client:
        yield client
