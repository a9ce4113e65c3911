"""Whether anything was committed to the store since the last look, told in microseconds and by whatever process."""

from __future__ import annotations

import sqlite3
from threading import Lock
from time import monotonic
from typing import Any

from sqlalchemy import Engine, event

from app.core.errors import StoreUnavailable

POLL_S = 0.5
"""Where other processes' commits can't be seen for nothing, they count as possible after so long."""


class Commits:
    """Counts commits; safe to share between threads.

    SQLite tells by `PRAGMA data_version` on a connection of its own, without reading a page (some 3 µs). Elsewhere each
    commit of this process counts, and every half second one of another process may have been.
    """

    def __init__(self, engine: Engine) -> None:
        """Listen to this process's commits; the connection is opened by the first look."""
        self._file = engine.url.database if engine.url.get_backend_name() == "sqlite" else None
        self._connection: sqlite3.Connection | None = None
        self._lock = Lock()
        self._own = 0
        event.listen(engine, "commit", self._note)

    def count(self) -> tuple[int, int]:
        """Return what differs from every value before once something was committed. Errors: `StoreUnavailable`."""
        if self._file is None:
            return self._own, int(monotonic() / POLL_S)
        with self._lock:
            try:
                connection = self._connection = self._connection or self._open(self._file)
                return 0, connection.execute("PRAGMA data_version").fetchall()[0][0]
            except sqlite3.Error as error:
                raise StoreUnavailable(f"the store can't be used: {error}") from error

    def close(self) -> None:
        """Close the connection; the next look opens another."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _open(self, file: str) -> sqlite3.Connection:
        """Open the file, which must be there: a look never makes a store."""
        return sqlite3.connect(f"file:{file}?mode=rw", uri=True, check_same_thread=False, isolation_level=None)

    def _note(self, _connection: Any) -> None:
        self._own += 1
