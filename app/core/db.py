"""The database: one engine, read and write sessions, one transaction per request or job.

SQLite runs in WAL mode with a busy timeout and foreign keys on. A transaction that will write takes the write lock at
its start (BEGIN IMMEDIATE): a deferred one that reads first fails at once under WAL, whatever the busy timeout says.
PostgreSQL does the same by other means (`postgres`), so that a transaction means one thing on both.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from sqlalchemy import DateTime, Dialect, Engine, String, TypeDecorator, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DataError,
    NoSuchModuleError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.compiler import compiles
from sqlmodel import Session, SQLModel

from app.core import postgres
from app.core.clock import as_utc
from app.core.commits import commits_of
from app.core.errors import BadInput, StoreUnavailable

BUSY_TIMEOUT_MS = 15_000
_LOOK_AGAIN_S = 0.5
_UNMIGRATED = {"42P01", "42703", "3F000"}
"""PostgreSQL's codes for a table, a column or a schema that isn't there."""
_WRITES = "nextclose_writes"

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC instant; SQLite, which has no time zones, stores it naive."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Refuse a naive instant, and store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "a stored instant must be aware"
            raise ValueError(msg)
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return the instant aware."""
        return None if value is None else as_utc(value)


class Database:
    """One engine and its sessions; build it once per process and pass it on."""

    def __init__(self, url: str, said_by: str = "NEXTCLOSE_DATABASE_URL", patience_s: float = 0.0) -> None:
        """Prepare the engine; nothing is opened until the first session. A wrong URL is told of who said it.

        A session waits `patience_s` for a server that is down before it gives up.
        """
        self._patience_s = patience_s
        self.engine = _engine(url, said_by)
        self.url = self.engine.url
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            _make_folder(Path(self.url.database or "").parent)
            event.listen(self.engine, "connect", _configure_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        else:
            event.listen(self.engine, "begin", _begin_postgres)
        self.commits = commits_of(self.engine)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session that sees one consistent state and writes nothing."""
        with self.translated():
            self._wait_for_server()
            with Session(self.engine) as db:
                yield db

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open one write transaction: committed at the end, rolled back by any error."""
        with self.translated():
            self._wait_for_server()
            with (
                self.engine.connect().execution_options(**{_WRITES: True}) as connection,
                Session(connection) as db,
                db.begin(),
            ):
                yield db
                # The option lives on this checkout of the connection only.
                number = connection.info.get(postgres.COMMIT, 0)
        self.commits.note(number)

    def _wait_for_server(self) -> None:
        give_up = monotonic() + self._patience_s
        while self._patience_s:
            try:
                self.engine.connect().close()
            except OperationalError:
                if monotonic() > give_up:
                    raise
                sleep(_LOOK_AGAIN_S)
            else:
                return

    def dispose(self) -> None:
        """Close every connection, one that another thread still uses as soon as it gives it back."""
        self.commits.close()
        pool = self.engine.pool
        self.engine.dispose()
        event.listen(pool, "checkin", _close)
        pool.dispose()  # what was given back in between

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn a store that can't be opened, or isn't ours, into one line, in which no password stands."""
        try:
            yield
        except PoolTimeout as error:
            raise StoreUnavailable("every connection to the store is in use", retry_after_s=1) from error
        except OperationalError as error:
            way_out = "; run `nextclose serve` once to create or migrate it" if self.is_sqlite else ""
            raise StoreUnavailable(f"the store can't be used: {self._line(error)}{way_out}") from error
        except ProgrammingError as error:
            if getattr(error.orig, "sqlstate", None) not in _UNMIGRATED:
                raise
            raise StoreUnavailable("the store isn't migrated; run `nextclose serve` once") from error
        except DataError as error:
            # PostgreSQL keeps no NUL in a text, and psycopg says so before it sends one.
            raise BadInput(f"the store can't take a value: {self._line(error)}") from error
        except DatabaseError as error:
            if type(error) is not DatabaseError:
                raise
            way_out = "put a backup of it back, or move it away to start anew"
            raise StoreUnavailable(f"the store is not a database: {error.orig}; {way_out}") from error

    def _line(self, error: DatabaseError) -> str:
        line = str(error.orig).split("\n", 1)[0]
        return line.replace(self.url.password, "***") if self.url.password else line


def _engine(url: str, said_by: str) -> Engine:
    try:
        parsed = make_url(url)
        if "@" in (parsed.host or ""):
            raise BadInput(f"{said_by}: an @ in a password is written %40")
        return postgres.engine(parsed) if postgres.is_postgres(parsed) else create_engine(parsed)
    except (ImportError, NoSuchModuleError):
        driver = url.partition(":")[0]
        way_out = "install nextclose[postgres]" if driver.startswith("postgres") else "sqlite needs none"
        raise BadInput(f"{said_by}: no driver for {driver} is installed; {way_out}") from None
    except (ArgumentError, ValueError):
        looks = "sqlite:///var/nextclose.db or postgresql://user:password@host/database"
        raise BadInput(f"{said_by} is no database URL; it looks like {looks}") from None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(
            f"the store's folder {folder} can't be made ({error.strerror}): set NEXTCLOSE_HOME to one that can be"
        ) from error


def _close(connection: Any, _record: object) -> None:
    if connection is not None:
        connection.close()


def _configure_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the begin event below says BEGIN itself
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_postgres(connection: Any) -> None:
    postgres.begin(connection, writes=connection.get_execution_options().get(_WRITES, False))


@compiles(String, "postgresql")
def _bytewise(kind: String, compiler: Any, **options: Any) -> str:
    """Text is compared byte by byte, as in SQLite, whatever language the server sorts by."""
    return f'{compiler.visit_string(kind, **options)} COLLATE "C"'


_MIGRATIONS = Path(__file__).parents[2] / "migrations"


def newest_revision() -> str:
    """Return the newest migration's number; files are named `0001_what_it_does.py` and numbered without gaps."""
    return max(path.name.split("_", 1)[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def migrate(database: Database) -> None:
    """Create the store or bring it up to the newest migration; costs one query when there is nothing to do.

    Errors: `StoreUnavailable` for a store made by a newer program.
    """
    newest, current = newest_revision(), _current_revision(database)
    if current == newest:
        return
    if current is not None and current > newest:
        raise StoreUnavailable(
            f"the store is at migration {current}, this program knows {newest}: install the newer program"
        )
    from alembic import command
    from alembic.config import Config

    config = Config(toml_file=_MIGRATIONS.parent / "pyproject.toml")
    config.attributes["url"] = database.url.render_as_string(hide_password=False)
    command.upgrade(config, "head")


def _current_revision(database: Database) -> str | None:
    with database.translated(), database.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
