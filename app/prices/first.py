"""Find prices for a store that has none."""

from __future__ import annotations

from app.core.clock import Clock
from app.core.db import Database
from app.core.progress import Progress, silent
from app.core.settings import Settings


def find_prices(settings: Settings, database: Database, clock: Clock, progress: Progress = silent) -> str:
    """Seed the watchlist of an empty store and fetch its prices; return the source's name.

    With `NEXTCLOSE_SOURCE=auto` that is Yahoo, or the bundled sample where Yahoo can't be reached within seconds.
    Errors: `SourceUnavailable` where the settings insist on Yahoo and it can't be reached.
    """
    raise NotImplementedError
