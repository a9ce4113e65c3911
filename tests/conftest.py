"""What every test shares: an empty store of its own, and settings that know nothing of the environment.

Whatever uses a store runs on SQLite; with `--database postgres` it runs on PostgreSQL instead, with `both` on each.
"""

import os
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import hypothesis
import pytest

from app.core.db import Database, migrate
from app.core.settings import Settings
from app.jobs import processes
from tests import server
from tests.server import Server

# Before anything imports numpy or MLflow: two busy cores and two BLAS threads a test collapse, and nothing is reported.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

# Where the environment forbids to keep bytecode, each worker and each process that a test starts compiles all anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A limit of time would test the machine: two busy cores take several times as long as two idle ones.
hypothesis.settings.register_profile("nextclose", deadline=None)
hypothesis.settings.load_profile("nextclose")

NO_BROWSER = "the browser tests need Chromium: apt-get install --no-install-recommends chromium"
NO_SERVER = "the tests on PostgreSQL need its server"
LONGEST = ("flow", "e2e", "training", "monitoring", "web", "jobs")
"""Rooms whose tests run real processes, browsers or trainings, or are many: by how long their files take."""
STORES = {"database", "seeded", "nextclose", "store_url"}
"""Fixtures through which a test gets a store."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the command line choose the database."""
    parser.addoption("--database", choices=("sqlite", "postgres", "both"), default="sqlite", help="run stores on it")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what uses a store once on each database that was asked for."""
    if STORES & set(metafunc.fixturenames):
        asked = metafunc.config.getoption("--database")
        metafunc.parametrize("engine", ["sqlite", "postgres"] if asked == "both" else [asked], indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what isn't about the database that it would run on; what uses no store counts as SQLite's."""
    asked = config.getoption("--database")
    wanted = [item for item in items if _is_wanted(item, asked)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(wanted)])
    items[:] = wanted
    # Files are handed out in this order: a worker must not be left alone with the longest ones at the end.
    items.sort(key=_place)


def _is_wanted(item: pytest.Item, asked: str) -> bool:
    about = {name for name in ("sqlite", "postgres") if item.get_closest_marker(name)}
    engine = item.callspec.params.get("engine") if hasattr(item, "callspec") else None
    if engine is not None:
        return not about or engine in about
    return asked == "both" or asked in (about or {"sqlite"})


def _place(item: pytest.Item) -> int:
    room = item.path.relative_to(Path(__file__).parent).parts[0]
    return (*LONGEST, room).index(room)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Say loudly, as the last lines, what this machine couldn't test."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    for what, reason in (("BROWSER", NO_BROWSER), ("POSTGRESQL", NO_SERVER)):
        found = [str(report.longrepr) for report in skipped if reason in str(report.longrepr)]
        if found:
            told = found[0][found[0].index(reason) :].rstrip("')")
            reporter.write_sep("!", f"{len(found)} {what} TESTS WERE SKIPPED: {told}", red=True, bold=True)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Start in an empty folder without any NEXTCLOSE variable, so that no test reads a developer's `.env`."""
    for name in [name for name in os.environ if name.startswith("NEXTCLOSE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _jobs_do_not_stand_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the jobs that a test starts itself go as quick as what waits for them, whatever else keeps the cores busy."""
    monkeypatch.setattr(processes, "NICENESS", 0)


@pytest.fixture(scope="session")
def pg_server() -> Iterator[Server]:
    """Start a PostgreSQL server; without one the tests are skipped, loudly at the end, and with `CI` set they fail."""
    if reason := server.missing():
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up(f"{NO_SERVER}: {reason}")
    started = Server()
    yield started
    started.remove()


@pytest.fixture
def own_server(pg_server: Server) -> Iterator[Server]:  # noqa: ARG001 - says what is wrong where none can be started
    """Start a server for one test, which may stop it."""
    started = Server()
    yield started
    started.remove()


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """Name the database that the test's store is on."""
    return str(getattr(request, "param", "sqlite"))


_numbers = count()


def copy_database(on: Server, template: str) -> Iterator[str]:
    """Yield the URL of a copy of a database, which is dropped afterwards."""
    name = f"{template}_{next(_numbers)}"
    on.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    yield on.url(name)
    on.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def store_url(engine: str, request: pytest.FixtureRequest) -> Iterator[str | None]:
    """Return the URL of an empty database without any table; None for SQLite, where the store is a file."""
    if engine == "sqlite":
        yield None
        return
    template = "template0" if "database" not in request.fixturenames else request.getfixturevalue("_pg_empty_store")
    yield from copy_database(request.getfixturevalue("pg_server"), template)


@pytest.fixture(scope="session")
def _pg_empty_store(pg_server: Server) -> str:
    """Return the name of a migrated, empty database: made once, copied for each test."""
    pg_server.run("CREATE DATABASE empty")
    database = Database(pg_server.url("empty"))
    migrate(database)
    database.dispose()
    return "empty"


@pytest.fixture
def settings(tmp_path: Path, store_url: str | None) -> Settings:
    """Return settings whose every folder is the test's own, with the bundled sample as the source."""
    return Settings(
        home=tmp_path / "var", models_dir=tmp_path / "trained_models", source="sample", database_url=store_url
    )


@pytest.fixture(scope="session")
def _empty_store(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the bytes of a migrated, empty store: made once, copied for each test."""
    path = tmp_path_factory.mktemp("store") / "nextclose.db"
    database = Database(f"sqlite:///{path}")
    migrate(database)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.dispose()
    return path.read_bytes()


@pytest.fixture
def database(settings: Settings, _empty_store: bytes) -> Iterator[Database]:
    """Open a migrated, empty store of the test's own."""
    if settings.database_url is None:
        settings.home.mkdir(parents=True, exist_ok=True)
        (settings.home / "nextclose.db").write_bytes(_empty_store)
    opened = Database(settings.database)
    yield opened
    opened.dispose()
