"""Moving a store: every row in either direction, into an empty one only, and nothing where it goes wrong."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import SQLModel, select, text

from app.core.clock import Clock
from app.core.db import Database, migrate
from app.core.settings import Settings
from app.forecasts.ledger import audit
from app.forecasts.prediction.forecaster import Forecaster
from app.jobs import runs
from app.jobs.tables import LeaseRow
from app.prices import store
from app.prices.store.tables import SymbolRow
from app.registry.promotion.tables import DecisionRow
from tests.cli.conftest import Nextclose
from tests.conftest import copy_database
from tests.web.conftest import NOW, _pg_seeded, _seeded, apps, seeded, settings, store_url

__all__ = ["_pg_seeded", "_seeded", "apps", "seeded", "settings", "store_url"]


@pytest.fixture(params=["sqlite", "postgres"])
def target_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return the URL of an empty database, of either kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/copy/nextclose.db"
        return
    yield from copy_database(request.getfixturevalue("pg_server"), "template0")


@pytest.fixture
def filled(seeded: Database, settings: Settings) -> Database:
    """Return a store with bars, forecasts, a decision, a job and a lease."""
    Forecaster(settings, seeded, Clock(NOW)).forecast_all()
    run = runs.start(seeded, "score", "test", NOW)
    runs.finish(seeded, run.id, "done", "done", {"scored": 0, "é": [1.5, None]}, NOW)
    until = datetime(2021, 1, 1, 0, 0, 0, 123456, tzinfo=UTC)
    with seeded.write() as db:
        db.add(LeaseRow(name="clockwork", holder="a/1/b", expires_at=until))
    return seeded


def rows(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """Return all rows of all tables, each in the order of its key."""
    with database.read() as db:
        return {
            table.name: [tuple(row) for row in db.connection().execute(select(table).order_by(*table.primary_key))]
            for table in SQLModel.metadata.sorted_tables
        }


def test_every_row_comes_along(nextclose: Nextclose, filled: Database, target_url: str) -> None:
    """Both stores say the same, the chains hold, and what is written next is numbered behind what came."""
    ran = nextclose("copy-store", "--to", target_url, "--json")
    assert (ran.code, ran.err) == (0, "")
    found = json.loads(ran.out)
    counts = {one["table"]: one["rows"] for one in found["tables"]}
    assert (counts["bar"], counts["decision"], counts["lease"]) == (12_153, 1, 1)
    assert counts["forecast"] == 4
    assert found["rows"] == sum(counts.values())
    assert found["changed_meanwhile"] is False
    assert "s3cret" not in ran.out
    target = Database(target_url)
    assert rows(target) == rows(filled)
    with target.read() as db:
        assert all(chain.intact for chain in audit.verify_chain(db))
        assert store.status(db, "AAPL").last is not None
    with target.write() as db:
        db.add(DecisionRow(kind="promotion", version="v9", reason="test", evidence={}, decided_at=NOW))
    with target.read() as db:
        assert db.exec(select(DecisionRow.id)).all() == [1, 2]
    target.dispose()


def test_a_store_that_holds_rows_is_refused(nextclose: Nextclose, filled: Database, target_url: str) -> None:
    """Nothing is mixed: the second copy into one target says why it can't be, and changes nothing."""
    assert nextclose("copy-store", "--to", target_url).code == 0
    target = Database(target_url)
    before = rows(target)
    ran = nextclose("copy-store", "--to", target_url)
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "isn't empty (rows in" in ran.err
    assert rows(target) == before == rows(filled)
    target.dispose()


def test_stores_that_were_migrated_before_are_copied(tmp_path: Path) -> None:
    """By a process of its own, which a migration hasn't made know every table."""
    urls = [f"sqlite:///{tmp_path}/{name}.db" for name in ("from", "to")]
    for url in urls:
        migrate(database := Database(url))
        database.dispose()
    command = [str(Path(sys.executable).with_name("nextclose")), "copy-store", "--to", urls[1]]
    environment = {**os.environ, "NEXTCLOSE_HOME": str(tmp_path), "NEXTCLOSE_DATABASE_URL": urls[0]}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.usefixtures("filled")
def test_a_row_that_comes_out_otherwise_undoes_it_all(nextclose: Nextclose, tmp_path: Path) -> None:
    """A target that spoils one value is found out by reading back, and is as empty as it was."""
    url = f"sqlite:///{tmp_path}/spoilt.db"
    target = Database(url)
    migrate(target)
    spoil = "UPDATE symbol SET name = 'spoilt' WHERE symbol = NEW.symbol"
    with target.write() as db:
        db.connection().execute(
            text(f"CREATE TRIGGER spoil AFTER INSERT ON symbol WHEN NEW.symbol = 'IBM' BEGIN {spoil}; END")
        )
    ran = nextclose("copy-store", "--to", url)
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert ran.err.startswith("nextclose: symbol: 5 rows were copied")
    with target.read() as db:
        assert db.exec(select(SymbolRow)).all() == []
    target.dispose()


def test_a_table_that_is_not_known_is_not_left_behind(nextclose: Nextclose, filled: Database, tmp_path: Path) -> None:
    """A store with more in it than the program knows isn't copied in part."""
    with filled.write() as db:
        db.connection().execute(text("CREATE TABLE notes (id INTEGER)"))
    ran = nextclose("copy-store", "--to", f"sqlite:///{tmp_path}/copy.db")
    assert ran.code == 1
    assert "notes" in ran.err


@pytest.mark.parametrize(
    ("url", "code"), [("garbage", 2), ("postgresql://me:s3cret@127.0.0.1:1/none?connect_timeout=2", 3)]
)
def test_a_wrong_target_is_one_line(nextclose: Nextclose, url: str, code: int) -> None:
    """What was said wrongly is named; a server that isn't there is an outside failure. No password is told."""
    ran = nextclose("copy-store", "--to", url)
    assert (ran.code, ran.err.count("\n")) == (code, 1)
    assert "s3cret" not in ran.err
    assert ("--to" in ran.err) is (code == 2)
