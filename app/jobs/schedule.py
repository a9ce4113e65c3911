"""The clockwork: which job runs when, in one process at a time."""

from __future__ import annotations

from app.core.db import Database
from app.core.settings import Settings


class Clockwork:
    """Runs the cycle after each close, catches up at start, and makes the first run when there is no champion."""

    def __init__(self, settings: Settings, database: Database) -> None:
        """Keep what is needed; nothing runs before `start`."""
        self._settings = settings
        self._database = database

    def start(self) -> None:
        """Start inside the running event loop; does nothing when the scheduler is off."""
        raise NotImplementedError

    async def stop(self) -> None:
        """Give the lease up, end the jobs that this process started, and stop."""
        raise NotImplementedError
