"""What every test shares: an empty store in its own folder, and settings that know nothing of the environment."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.db import Database, migrate
from app.core.settings import Settings

# Before anything imports numpy or MLflow: two busy cores and two BLAS threads a test collapse, and nothing is reported.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

NO_BROWSER = "the browser tests need Chromium: apt-get install --no-install-recommends chromium"


def pytest_unconfigure(config: pytest.Config) -> None:
    """Say loudly, as the last line, what this machine couldn't test."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    browser = [report for report in skipped if NO_BROWSER in str(report.longrepr)]
    if browser:
        reporter.write_sep("!", f"{len(browser)} BROWSER TESTS WERE SKIPPED: {NO_BROWSER}", red=True, bold=True)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Start in an empty folder without any NEXTCLOSE variable, so that no test reads a developer's `.env`."""
    for name in [name for name in os.environ if name.startswith("NEXTCLOSE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings whose every folder is the test's own, with the bundled sample as the source."""
    return Settings(home=tmp_path / "var", models_dir=tmp_path / "trained_models", source="sample")


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
    """Open a migrated, empty SQLite store in the test's own folder."""
    settings.home.mkdir(parents=True, exist_ok=True)
    (settings.home / "nextclose.db").write_bytes(_empty_store)
    opened = Database(settings.database)
    yield opened
    opened.dispose()
