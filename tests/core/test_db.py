"""The store: pragmas, transactions, migrations, and what it says when it can't be used."""

import io
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import select

from app.core import db as store_db
from app.core.db import Database, migrate
from app.core.errors import BadInput, StoreUnavailable
from app.prices.store.tables import SymbolRow

NOW = datetime(2021, 12, 31, 22, tzinfo=UTC)


@pytest.mark.sqlite
def test_sqlite_runs_with_wal_busy_timeout_and_foreign_keys(database: Database) -> None:
    """The pragmas are read back from a connection."""
    with database.read() as db:
        read = {
            name: db.connection().exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "busy_timeout", "foreign_keys")
        }
    assert read == {"journal_mode": "wal", "busy_timeout": 15_000, "foreign_keys": 1}


def test_an_error_rolls_the_whole_transaction_back(database: Database) -> None:
    """Half a write is never seen."""

    def write_half() -> None:
        with database.write() as db:
            db.add(SymbolRow(symbol="AAPL", added_at=NOW))
            db.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    with database.read() as db:
        assert db.exec(select(SymbolRow)).all() == []


def test_instants_come_back_aware(database: Database) -> None:
    """SQLite has no time zones; ours are UTC all the same."""
    with database.write() as db:
        db.add(SymbolRow(symbol="AAPL", added_at=NOW))
    with database.read() as db:
        assert db.exec(select(SymbolRow.added_at)).one() == NOW


def test_readers_that_write_later_wait_instead_of_failing(database: Database) -> None:
    """Read-then-write transactions of four threads all succeed: a deferred BEGIN would lose most of them."""

    def add(name: str) -> None:
        for count in range(10):
            with database.write() as db:
                known = len(db.exec(select(SymbolRow)).all())
                db.add(SymbolRow(symbol=f"{name}{count}", position=known, added_at=NOW))

    threads = [threading.Thread(target=add, args=(name,)) for name in "ABCD"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as db:
        assert sorted(db.exec(select(SymbolRow.position)).all()) == list(range(40))


def test_a_connection_in_use_is_closed_when_it_is_given_back(database: Database) -> None:
    """A thread that ends after the store was closed leaves nothing open; what opens the store again works."""
    with database.read() as db:
        used = db.connection().connection.dbapi_connection
        assert used is not None
        database.dispose()
        used.cursor().close()
    with pytest.raises(database.engine.dialect.loaded_dbapi.Error, match="closed"):
        used.cursor()
    for _ in range(2):
        with database.read() as db:
            assert db.exec(select(SymbolRow.symbol)).all() == []


def test_migrate_twice_changes_nothing(tmp_path: Path) -> None:
    """The second call finds the store at the newest migration."""
    database = Database(f"sqlite:///{tmp_path}/a/store.db")
    migrate(database)
    migrate(database)
    with database.read() as db:
        assert db.connection().exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == (
            store_db.newest_revision()
        )
    database.dispose()


def test_models_and_migrations_agree(database: Database) -> None:
    """Alembic finds nothing to do after the last migration: nobody changed a table without one."""
    from alembic import command
    from alembic.config import Config

    config = Config(toml_file=Path(store_db.__file__).parents[2] / "pyproject.toml", stdout=io.StringIO())
    config.attributes["url"] = database.url.render_as_string(hide_password=False)
    command.check(config)


def test_migrations_go_back_and_forth(database: Database) -> None:
    """Each step is undone to the first, and done again; what the first tables hold stays."""
    from alembic import command
    from alembic.config import Config

    with database.write() as db:
        db.add(SymbolRow(symbol="AAPL", added_at=NOW))
    config = Config(toml_file=Path(store_db.__file__).parents[2] / "pyproject.toml", stdout=io.StringIO())
    config.attributes["url"] = database.url.render_as_string(hide_password=False)
    command.downgrade(config, "0001")
    command.upgrade(config, "head")
    command.check(config)
    with database.read() as db:
        assert db.exec(select(SymbolRow.symbol)).all() == ["AAPL"]


def test_a_store_of_a_newer_program_is_refused(database: Database) -> None:
    """An old program doesn't write into tables it doesn't know."""
    with database.write() as db:
        db.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreUnavailable, match="install the newer program"):
        migrate(database)


def test_a_file_that_is_no_database_is_told_apart(tmp_path: Path) -> None:
    """The error is one line and names the matter."""
    (tmp_path / "nextclose.db").write_text("these are no prices " * 100)
    database = Database(f"sqlite:///{tmp_path}/nextclose.db")
    with pytest.raises(StoreUnavailable, match="not a database"):
        migrate(database)
    database.dispose()


def test_an_unmigrated_store_says_what_to_do(tmp_path: Path) -> None:
    """Asking an empty file for rows names the way out."""
    database = Database(f"sqlite:///{tmp_path}/nextclose.db")
    with pytest.raises(StoreUnavailable, match="nextclose serve"), database.read() as db:
        db.exec(select(SymbolRow)).all()
    database.dispose()


@pytest.mark.parametrize(
    ("url", "says"),
    [("garbage", "no database URL"), ("mysql://u:s3cret@h/d", "no driver"), ("nosuch://h/d", "no driver")],
)
def test_a_wrong_url_is_one_line(url: str, says: str) -> None:
    """The setting is named, and its password isn't."""
    with pytest.raises(BadInput, match=says) as caught:
        Database(url)
    assert "NEXTCLOSE_DATABASE_URL" in caught.value.detail
    assert "s3cret" not in caught.value.detail
