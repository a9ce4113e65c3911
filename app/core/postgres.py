"""PostgreSQL: how its connections are opened, and how a transaction begins.

One transaction of the program writes at a time, as in SQLite: each takes the same advisory lock at its start, so that
what it reads first is still true when it writes. A transaction that only reads sees one snapshot and waits for nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, inspect

CHANNEL: Final = "nextclose"
"""Every commit of a write transaction is told here by its number (`commits`)."""
COMMIT: Final = "nextclose_commit"
"""Where a connection notes its write transaction's number; a later one has a larger number, thanks to the lock."""
CONNECTIONS: Final = 20
"""A process opens so many at most, a quarter of which it keeps; servers commonly grant a hundred."""
CONNECTION_WAIT_S: Final = 10.0
_PLAIN: Final = {"postgres", "postgresql"}
_NUMBER: Final = "CAST(pg_current_xact_id() AS TEXT)"
_LOCK: Final = f"SELECT pg_advisory_xact_lock(7398331), {_NUMBER}, pg_notify('{CHANNEL}', {_NUMBER})"
_OPTIONS: Final = {
    "timezone": "UTC",
    "statement_timeout": "60s",
    "lock_timeout": "15s",
    "idle_in_transaction_session_timeout": "600s",
}


def is_postgres(url: URL) -> bool:
    """Say whether a URL names a PostgreSQL server; `postgres://` is a common spelling."""
    return url.get_backend_name() in _PLAIN


def engine(url: URL) -> Engine:
    """Return the engine of a plain `postgresql://` URL. Errors: `ImportError` without the driver."""
    named = url.set(drivername="postgresql+psycopg") if url.drivername in _PLAIN else url
    return create_engine(
        named,
        pool_size=CONNECTIONS // 4,
        max_overflow=CONNECTIONS - CONNECTIONS // 4,
        pool_timeout=CONNECTION_WAIT_S,
        pool_pre_ping=True,  # after a restart of the server its old connections are replaced unnoticed
        pool_use_lifo=True,
        connect_args=connect_args(named),
    )


def connect_args(url: URL) -> dict[str, Any]:
    """Return what the driver is told beside the URL; what the URL itself says is stronger."""
    told: dict[str, Any] = {
        "connect_timeout": 5,
        "application_name": "nextclose",
        # A server that vanished without a word is given up after some twenty seconds.
        "keepalives_idle": 10,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
    }
    options = [*(f"-c {name}={value}" for name, value in _OPTIONS.items()), str(url.query.get("options", ""))]
    return {name: value for name, value in told.items() if name not in url.query} | {"options": " ".join(options)}


def begin(connection: Connection, *, writes: bool) -> None:
    """Begin a transaction; a write transaction waits for the one before it to end."""
    from psycopg import IsolationLevel

    driver: Any = connection.connection.dbapi_connection
    driver.read_only = not writes
    driver.isolation_level = None if writes else IsolationLevel.REPEATABLE_READ
    if writes:
        connection.info[COMMIT] = int(connection.exec_driver_sql(_LOCK).one()[1])


def take_time(connection: Connection) -> None:
    """Let the statements of this transaction take as long as they do."""
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")


def settle(connection: Connection, tables: Sequence[str]) -> None:
    """After rows came with their numbers: go on counting behind them, and tell the planner what is there."""
    for table in tables:
        columns = [column["name"] for column in inspect(connection).get_columns(table) if column.get("autoincrement")]
        for name in columns:
            connection.exec_driver_sql(
                f"SELECT setval(pg_get_serial_sequence('{table}', '{name}'), max({name})) FROM {table}"
            )
    connection.exec_driver_sql("ANALYZE")
