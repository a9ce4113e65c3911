"""The service over the bundled sample on the evening of its last session, with a champion written down by hand."""

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from app.core.db import Database
from app.core.settings import Settings
from app.main import create_app
from app.prices import store
from app.prices.refresh.first_run import store_sample
from app.registry.promotion import champion
from app.registry.versions import artefact
from app.registry.versions.card import Metrics, Score
from app.registry.versions.model import Model
from tests.forecasts import small

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
def settings(tmp_path: Path) -> Settings:
    """Return settings whose every folder is the test's own, on the sample's last evening."""
    return Settings(
        home=tmp_path / "var", models_dir=tmp_path / "trained_models", source="sample", symbols=WATCHED, now=NOW
    )


@pytest.fixture(scope="session")
def _seeded(tmp_path_factory: pytest.TempPathFactory, _empty_store: bytes) -> Path:
    """Make a folder with the sample stored and a champion, once, to be copied for each test."""
    home = tmp_path_factory.mktemp("seeded")
    settings = Settings(home=home / "var", models_dir=home / "trained_models", source="sample", now=NOW)
    settings.home.mkdir()
    (settings.home / "nextclose.db").write_bytes(_empty_store)
    database = Database(settings.database)
    with database.write() as db:
        store.watch(db, WATCHED, NOW)
    store_sample(database, NOW)
    put_champion(settings, database)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.dispose()
    return home


@pytest.fixture
def seeded(settings: Settings, _seeded: Path):  # noqa: ANN201 - a fixture that closes what it opened
    """Open a store with the sample's prices, and a champion; no forecast is made yet."""
    shutil.copytree(_seeded / "var", settings.home)
    shutil.copytree(_seeded / "trained_models", settings.models_dir)
    opened = Database(settings.database)
    yield opened
    opened.dispose()


Build = Callable[..., FastAPI]


@pytest.fixture
def build() -> Iterator[Build]:
    """Return a function that builds the service as `nextclose serve` does; its scheduler doesn't run."""
    made: list[FastAPI] = []

    def built(settings: Settings, bind_host: str | None = "127.0.0.1") -> FastAPI:
        made.append(create_app(settings, bind_host))
        return made[-1]

    yield built
    for app in made:
        app.state.nextclose.database.dispose()


@pytest.fixture
def app(settings: Settings, seeded: Database, build: Build) -> FastAPI:  # noqa: ARG001 - the app opens the same store
    """Build the service over the sample and a champion, bound to loopback."""
    return build(settings)


@pytest.fixture
def bare(settings: Settings, database: Database, build: Build) -> FastAPI:  # noqa: ARG001 - the app opens the same store
    """Build the service over a store that was just created."""
    return build(settings)


def talk_to(app: FastAPI, client: str = "127.0.0.1", base: str = "http://127.0.0.1:8000") -> httpx.AsyncClient:
    """Return a client of the app that comes from an address and names a host."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False, client=(client, 40_000)), base_url=base
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
