"""Where a version's files lie, and how long what was learnt counts as fresh."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Final

from app.core.clock import calendar
from app.core.errors import BadInput, NotThere
from app.core.settings import Settings

EXPIRES_AFTER: Final = 126
"""Sessions for which a version may serve after the last one it learnt from. A walk refits every 63: its figures are
those of models a quarter old at most, and half a year is twice as old as anything that was judged."""


def version_directory(settings: Settings, version: str) -> Path:
    """Return where a version lies; raises `BadInput` for a name that isn't one, `NotThere` when it isn't stored."""
    if not version.replace("-", "").isalnum() or not version.isascii():
        raise BadInput(f"{version!r} can't be a version; `nextclose status` lists them")
    directory = settings.models_dir / version
    if not directory.is_dir():
        raise NotThere(f"version {version} is not in {settings.models_dir}; `nextclose status` lists what is")
    return directory


def sessions_since(trained_through: date, as_of: date) -> int:
    """Count New York's sessions from the one after `trained_through` to `as_of`."""
    return len(calendar().between(trained_through + timedelta(days=1), as_of))


def is_expired(trained_through: date, as_of: date) -> bool:
    """Say whether a version is too old to forecast as of a session: its age is that of the data, not the clock's."""
    return sessions_since(trained_through, as_of) > EXPIRES_AFTER
