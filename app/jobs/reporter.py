"""Reporter: carries a job's progress and heartbeat to its row, and the word to stop to the job."""

from __future__ import annotations

import os
import signal
import threading
from time import monotonic
from types import TracebackType
from typing import Self

from app.core import log
from app.core.clock import wall
from app.core.db import Database
from app.core.errors import StoreUnavailable
from app.jobs import processes, runs

WRITE_EVERY_S = 0.5
HEARTBEAT_EVERY_S = 10.0
ASK_EVERY_S = 1.0
FENCED_EXIT = 75

_log = log.get(__name__)


class Reporter:
    """A `Progress` that never waits for the database: a thread writes the newest word, and a heartbeat between.

    It also looks whether the run was asked to stop, or has reached its time limit: then the process gets the signal to
    end, and where it doesn't in time it is killed with its group. Who started it does the same; but that one may have
    been killed itself. When the run was closed by someone else (it was silent too long), the process ends at once:
    another one may be doing the same work by now.
    """

    def __init__(self, database: Database, run_id: str, limit_s: float = float("inf")) -> None:
        """Prepare; the thread, and the time that is limited, start with the `with` block."""
        self._database = database
        self._run_id = run_id
        self._limit_s = limit_s
        self._newest = (0.0, "starting")
        self._written: tuple[float, str] | None = None
        self._written_at = self._asked_at = float("-inf")
        self._killed_at = float("inf")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="reporter", daemon=True)

    def __call__(self, fraction: float, message: str) -> None:
        """Take the newest word."""
        self._newest = (min(max(fraction, 0.0), 1.0), message)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        begun = self._written_at = monotonic()
        while not self._ended.wait(WRITE_EVERY_S):
            try:
                self._write(monotonic())
                self._obey(monotonic(), is_late=monotonic() - begun > self._limit_s)
            except StoreUnavailable as error:
                _log.warning("heartbeat not written", run=self._run_id, error=error.detail)

    def _write(self, now: float) -> None:
        newest = self._newest
        if newest == self._written and now - self._written_at < HEARTBEAT_EVERY_S:
            return
        if not runs.report(self._database, self._run_id, *newest):
            _log.error("the run was closed while it ran", run=self._run_id)
            processes.kill_own_group(FENCED_EXIT)
        self._written, self._written_at = newest, now

    def _obey(self, now: float, *, is_late: bool) -> None:
        """Pass the word to stop on to the main thread, once; a while later, end whatever it does."""
        if now > self._killed_at:
            runs.finish(self._database, self._run_id, "lost", "it had to be killed", None, wall())
            processes.kill_own_group(FENCED_EXIT)
        if self._killed_at < float("inf") or now - self._asked_at < ASK_EVERY_S:
            return
        self._asked_at = now
        if is_late:
            runs.ask_to_stop(self._database, self._run_id, "timed_out")
        if runs.is_asked_to_stop(self._database, self._run_id):
            self._killed_at = now + processes.GRACE_S
            os.kill(os.getpid(), signal.SIGTERM)
