"""Whether anything was committed to the store since the last look, told in microseconds and by whatever process."""

from __future__ import annotations

import os
import select
import sqlite3
import threading
from typing import Any, Protocol

from sqlalchemy import Engine

from app.core import log, postgres
from app.core.errors import StoreUnavailable

RETRY_S = 0.5
_log = log.get(__name__)


class Commits(Protocol):
    """Counts commits; safe to share between threads."""

    def count(self) -> tuple[int, int]:
        """Return what differs from every value before once something was committed. Errors: `StoreUnavailable`."""

    def note(self, number: int) -> None:
        """Count a commit that this process has just made; `number` is what its database calls it, 0 for none."""

    def close(self) -> None:
        """Close what was opened to look; the next look opens it again."""


def commits_of(engine: Engine) -> Commits:
    """Return the way to look that suits the database; nothing is opened before the first look."""
    if engine.url.get_backend_name() == "sqlite":
        return FileCommits(engine.url.database or "")
    return ServerCommits(engine)


class FileCommits:
    """SQLite tells by `PRAGMA data_version` on a connection of its own, without reading a page (some 3 µs)."""

    def __init__(self, file: str) -> None:
        """Keep the file's name."""
        self._file = file
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    def count(self) -> tuple[int, int]:
        """Ask the connection."""
        with self._lock:
            try:
                connection = self._connection = self._connection or self._open()
                return 0, connection.execute("PRAGMA data_version").fetchall()[0][0]
            except sqlite3.Error as error:
                raise StoreUnavailable(f"the store can't be used: {error}") from error

    def note(self, number: int) -> None:
        """Do nothing: the file tells this process's commits too."""

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _open(self) -> sqlite3.Connection:
        """Open the file, which must be there: a look never makes a store."""
        return sqlite3.connect(f"file:{self._file}?mode=rw", uri=True, check_same_thread=False, isolation_level=None)


class ServerCommits:
    """PostgreSQL tells each commit of each process on a channel, within milliseconds; a thread listens.

    While the server can't be heard a look says so at once, without asking it: nobody waits for what is down.
    """

    def __init__(self, engine: Engine) -> None:
        """Keep the engine, whose driver opens the connection."""
        self._engine = engine
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._tried = threading.Event()
        self._hears = False
        self._connections = 0
        self._newest = 0
        self._wake: tuple[int, int] = (-1, -1)

    def count(self) -> tuple[int, int]:
        """Return the newest commit heard of, and on which connection; the first look waits until the thread listens."""
        if self._thread is None:
            self._start()
        self._tried.wait()
        if not self._hears:
            raise StoreUnavailable("the store can't be used: its server doesn't answer")
        return self._connections, self._newest

    def note(self, number: int) -> None:
        """Count it now: the word on the channel comes a moment later."""
        self._newest = max(self._newest, number)

    def close(self) -> None:
        """Stop listening."""
        with self._starting:
            if self._thread is not None:
                os.write(self._wake[1], b"x")
                self._thread.join()
                self._thread, self._hears = None, False
                self._tried.clear()
                for end in self._wake:
                    os.close(end)

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._wake = os.pipe()
                self._thread = threading.Thread(target=self._listen, name="commits", daemon=True)
                self._thread.start()

    def _listen(self) -> None:
        """Listen until woken; after a connection was lost anything may have been committed."""
        while True:
            try:
                if self._hear():
                    return
            except self._engine.dialect.loaded_dbapi.Error as error:
                if self._hears or not self._tried.is_set():
                    _log.warning("the store's server can't be heard", error=str(error).split("\n", 1)[0])
            self._hears = False
            self._tried.set()
            if select.select([self._wake[0]], [], [], RETRY_S)[0]:
                return

    def _hear(self) -> bool:
        """Count what is told on one connection; return True when woken."""
        dialect, url = self._engine.dialect, self._engine.url
        positional, named = dialect.create_connect_args(url)
        told = {**named, **postgres.connect_args(url), "autocommit": True}
        connection: Any = dialect.loaded_dbapi.connect(*positional, **told)
        with connection:
            connection.execute(f"LISTEN {postgres.CHANNEL}")
            self._connections += 1
            self._hears = True
            self._tried.set()
            while True:
                if self._wake[0] in select.select([connection.fileno(), self._wake[0]], [], [])[0]:
                    return True
                for told in connection.notifies(timeout=0):
                    self.note(int(told.payload))
