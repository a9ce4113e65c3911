"""Which version is served: a pointer file, replaced whole, and the decisions that moved it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app.core.db import Database
from app.core.settings import Settings
from app.registry.card import ModelCard
from app.registry.model import Model


class Champion:
    """The served model, read again when its pointer changed; safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def current(self) -> Model | None:
        """Return the champion, `None` before the first promotion.

        A new version that can't be loaded doesn't replace the one that works: it is logged, and the old one stays.
        """
        raise NotImplementedError

    def versions(self) -> list[ModelCard]:
        """Return the cards of all stored versions, newest first; broken ones are left out and logged."""
        raise NotImplementedError


def promote(
    settings: Settings, database: Database, version: str, reason: str, evidence: dict[str, Any], now: datetime
) -> ModelCard:
    """Make a stored version the champion: check its files, write the decision, then move the pointer.

    Errors: `NotThere` for a version that isn't stored, `BrokenArtefact` for one that can't be loaded.
    """
    raise NotImplementedError


def rollback(settings: Settings, database: Database, reason: str, now: datetime) -> ModelCard:
    """Return to the champion before this one; raises `NotThere` when there is none."""
    raise NotImplementedError
