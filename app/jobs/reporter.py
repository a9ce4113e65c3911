"""Reporter: carries a job's progress to its row, and its heartbeat while the job is busy elsewhere."""

from __future__ import annotations

import os
import threading
from types import TracebackType
from typing import Self

from app.core import log
from app.core.db import Database
from app.core.errors import StoreUnavailable
from app.jobs import runs

WRITE_EVERY_S = 0.5
HEARTBEAT_EVERY_S = 10.0
FENCED_EXIT = 75

_log = log.get(__name__)


class Reporter:
    """A `Progress` that never waits for the database: a thread writes the newest word, and a heartbeat between.

    When the run was closed by someone else (it was silent too long), the process ends at once: another one may be
    doing the same work by now.
    """

    def __init__(self, database: Database, run_id: str) -> None:
        """Prepare; the thread starts with the `with` block."""
        self._database = database
        self._run_id = run_id
        self._newest = (0.0, "starting")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._write, name="reporter", daemon=True)

    def __call__(self, fraction: float, message: str) -> None:
        """Take the newest word."""
        self._newest = (min(max(fraction, 0.0), 1.0), message)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    def _write(self) -> None:
        written, waited_s = None, 0.0
        while not self._ended.wait(WRITE_EVERY_S):
            waited_s += WRITE_EVERY_S
            newest = self._newest
            if newest == written and waited_s < HEARTBEAT_EVERY_S:
                continue
            try:
                still_ours = runs.report(self._database, self._run_id, *newest)
            except StoreUnavailable as error:
                _log.warning("heartbeat not written", run=self._run_id, error=error.detail)
                continue
            if not still_ours:
                _log.error("the run was closed while it ran", run=self._run_id)
                os._exit(FENCED_EXIT)
            written, waited_s = newest, 0.0
