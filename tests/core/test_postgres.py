"""PostgreSQL: what a plain URL comes to, what is never told, and that a server may go and come back."""

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from time import monotonic, sleep

import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import InternalError
from sqlmodel import func, select, text

from app.core import postgres
from app.core.db import Database, migrate
from app.core.errors import BadInput, StoreUnavailable
from app.prices.store.tables import SymbolRow
from tests.server import Server

pytestmark = pytest.mark.postgres
NOW = datetime(2021, 12, 31, 22, tzinfo=UTC)


@pytest.fixture
def stopping(own_server: Server) -> Iterator[Database]:
    """Open a store on a server of the test's own."""
    database = Database(own_server.url())
    migrate(database)
    yield database
    database.dispose()


def add(database: Database, symbol: str) -> None:
    """Write a row."""
    with database.write() as db:
        db.add(SymbolRow(symbol=symbol, added_at=NOW))


def symbols(database: Database) -> list[str]:
    """Read all rows."""
    with database.read() as db:
        return list(db.exec(select(SymbolRow.symbol).order_by(SymbolRow.symbol)))


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_the_scheme_is_the_one_driver(scheme: str) -> None:
    """What the server's own tools and other programs call it."""
    database = Database(f"{scheme}://me:pw@host:5432/store")
    assert (database.engine.driver, database.url.host, database.is_sqlite) == ("psycopg", "host", False)


def test_a_text_that_it_cannot_keep_is_refused(database: Database) -> None:
    """Whether it is looked for or stored; the store goes on."""
    with pytest.raises(BadInput, match=r"the store can't take a value: .*NUL"), database.read() as db:
        db.exec(select(SymbolRow).where(SymbolRow.symbol == "\0")).all()
    with pytest.raises(BadInput):
        add(database, "A\0")
    add(database, "A")
    assert symbols(database) == ["A"]


def test_a_missing_driver_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install is named, and the password isn't."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(BadInput, match=r"install nextclose\[postgres\]$") as told:
        Database("postgresql://me:s3cret@host/store")
    assert "s3cret" not in told.value.detail


@pytest.mark.parametrize(
    ("url", "says"),
    [("postgresql://me:s3@cret@host/store", "%40"), ("postgresql://me:s3cret@host:port/store", "no database URL")],
)
def test_a_url_that_cannot_be_read_tells_no_password(url: str, says: str) -> None:
    """Half of a password would stand for the host's name."""
    with pytest.raises(BadInput, match=says) as told:
        Database(url)
    assert "cret" not in told.value.detail


def test_a_refused_password_is_not_told(pg_server: Server) -> None:
    """The error says who was refused where."""
    url = make_url(pg_server.url()).set(password="wr0ng").render_as_string(hide_password=False)
    with pytest.raises(StoreUnavailable, match="password authentication failed") as told:
        symbols(Database(url))
    assert "wr0ng" not in told.value.detail


def test_text_is_compared_byte_by_byte(database: Database) -> None:
    """Every column of text sorts as in SQLite, whatever language the server sorts by."""
    with database.read() as db:
        others = db.connection().execute(
            text(
                "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
                " AND table_name <> 'alembic_version' AND data_type IN ('text', 'character varying')"
                " AND collation_name IS DISTINCT FROM 'C'"
            )
        )
        assert others.all() == []


def test_a_session_has_its_limits_and_the_urls_word_is_stronger(database: Database) -> None:
    """No statement and no wait lasts for ever; instants come in UTC."""
    url = database.url.update_query_dict({"options": "-c statement_timeout=5s"})
    longer = Database(url.render_as_string(hide_password=False))
    for store, statement in ((database, "1min"), (longer, "5s")):
        with store.read() as db:
            told = {
                name: db.connection().execute(text(f"SHOW {name}")).scalar()
                for name in ("statement_timeout", "lock_timeout", "timezone", "transaction_isolation")
            }
        assert told == {
            "statement_timeout": statement,
            "lock_timeout": "15s",
            "timezone": "UTC",
            "transaction_isolation": "repeatable read",
        }
    longer.dispose()


def test_what_only_reads_cannot_write_and_sees_one_state(database: Database) -> None:
    """A row that is committed meanwhile isn't seen, and none can be written."""
    with database.read() as db:
        assert db.exec(select(func.count()).select_from(SymbolRow)).one() == 0
        add(database, "AAPL")
        assert db.exec(select(func.count()).select_from(SymbolRow)).one() == 0
        with pytest.raises(InternalError, match="read-only transaction"):
            db.connection().execute(text("DELETE FROM symbol"))
    assert symbols(database) == ["AAPL"]


def test_no_more_connections_than_allowed(pg_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who can't get one in time is told so: ten seconds are too long for a test."""
    monkeypatch.setattr(postgres, "CONNECTION_WAIT_S", 0.2)
    database = Database(pg_server.url())
    inside, leave = threading.Barrier(postgres.CONNECTIONS + 1), threading.Event()

    def hold() -> None:
        with database.read() as db:
            db.connection()
            inside.wait()
            leave.wait()

    with ThreadPoolExecutor(postgres.CONNECTIONS) as pool:
        holding = [pool.submit(hold) for _ in range(postgres.CONNECTIONS)]
        inside.wait()
        with pytest.raises(StoreUnavailable, match="in use"), database.read() as db:
            db.connection()
        leave.set()
        for one in holding:
            one.result()
    database.dispose()


def test_a_server_that_comes_back_is_used_again(own_server: Server, stopping: Database) -> None:
    """While it is down both reading and writing say so; then the same store goes on, its dead connections replaced."""
    add(stopping, "AAPL")
    assert symbols(stopping) == ["AAPL"]
    own_server.stop()
    for act in (lambda: symbols(stopping), lambda: add(stopping, "MSFT")):
        with pytest.raises(StoreUnavailable, match="refused"):
            act()
    own_server.start()
    add(stopping, "MSFT")
    assert symbols(stopping) == ["AAPL", "MSFT"]


def test_a_patient_store_waits_for_its_server(own_server: Server, stopping: Database) -> None:
    """A job that wants to write while the server restarts goes on when it is back."""
    patient = Database(own_server.url(), patience_s=60)
    add(patient, "AAPL")
    own_server.stop()
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(add, patient, "MSFT")
        with pytest.raises(TimeoutError):
            writing.result(1)
        own_server.start()
        writing.result(60)
    patient.dispose()
    assert symbols(stopping) == ["AAPL", "MSFT"]


def test_a_transaction_that_the_server_left_is_an_outside_failure(own_server: Server, stopping: Database) -> None:
    """Nothing of it is kept."""

    def write_half() -> None:
        with stopping.write() as db:
            db.add(SymbolRow(symbol="AAPL", added_at=NOW))
            db.flush()
            own_server.stop()

    with pytest.raises(StoreUnavailable):
        write_half()
    own_server.start()
    assert symbols(stopping) == []


def test_commits_are_heard_across_stores_and_outages(own_server: Server, stopping: Database) -> None:
    """Another process's commit changes the count within moments, a rollback doesn't, and an outage does."""
    other = Database(own_server.url())
    before = stopping.commits.count()
    with pytest.raises(ZeroDivisionError), other.write():
        raise ZeroDivisionError
    assert stopping.commits.count() == before
    add(other, "AAPL")
    assert differs(stopping, before)
    seen = stopping.commits.count()
    own_server.stop()
    give_up = monotonic() + 20
    while not is_deaf(stopping) and monotonic() < give_up:
        sleep(0.01)
    assert is_deaf(stopping)
    own_server.start()
    other.dispose()
    assert differs(stopping, seen)


def is_deaf(database: Database) -> bool:
    """Say whether a look is answered by an error."""
    try:
        database.commits.count()
    except StoreUnavailable as error:
        return error.detail.endswith("doesn't answer")
    return False


def differs(database: Database, before: tuple[int, int]) -> bool:
    """Say whether the count comes to differ soon."""
    give_up = monotonic() + 20
    while (is_deaf(database) or database.commits.count() == before) and monotonic() < give_up:
        sleep(0.01)
    return database.commits.count() != before
