"""Import earnings days from files: each file is read whole before the store is touched, and stored at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.core.clock import Clock
from app.core.db import Database
from app.prices.sources import earnings_file
from app.prices.store import event_updates
from app.prices.store.event_updates import EventCounts

SOURCE: Final = "file"


@dataclass(frozen=True)
class EventsReport:
    """What became of one file's days."""

    path: Path
    days: int
    symbols: int
    kept: EventCounts


def import_events(database: Database, paths: Sequence[Path], clock: Clock) -> list[EventsReport]:
    """Store the days of these files; the symbols need no prices yet, and what a file doesn't tell stays as it is.

    Errors: `MalformedFile` naming file, row and value, before anything of any file is stored.
    """
    reported = [(path, earnings_file.read(path)) for path in paths]
    reports = []
    for path, days in reported:
        with database.write() as db:
            kept = event_updates.update(db, days, SOURCE, clock.now())
        reports.append(EventsReport(path, days.height, days["symbol"].n_unique(), kept))
    return reports
