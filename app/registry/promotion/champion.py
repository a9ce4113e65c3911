"""Which version is served: a pointer file, replaced whole, and the decisions that moved it.

`champion.json` names the version, the sum over its files, and the versions that were champion before it, newest last.
The decision row is written first: a process that dies in between leaves the old champion and the record of a promotion
that didn't come to be, never half a champion. Whoever moves the pointer may let the next champion `prepare` before, so
that what readers will ask for is there when the pointer moves.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from app.core import log
from app.core.db import Database
from app.core.errors import BrokenArtefact, NotThere
from app.core.settings import Settings
from app.registry.promotion.decisions import decide
from app.registry.promotion.pointer import POINTER, Pointer, locked, pointer_or_none
from app.registry.versions import artefact
from app.registry.versions.card import ModelCard
from app.registry.versions.model import Model
from app.registry.versions.stored import version_directory

Evidence = dict[str, Any]
Prepare = Callable[[Model], None]
"""Does what the next champion needs; an error keeps the pointer where it is."""
_log = log.get(__name__)


class Champion:
    """The served model, read again when its pointer changed; safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._models_dir = settings.models_dir
        self._pointer = settings.models_dir / POINTER
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._model: Model | None = None

    def current(self) -> Model | None:
        """Return the champion, `None` before the first promotion.

        A new version that can't be loaded doesn't replace the one that works: it is logged, and the old one stays; a
        fresh process goes back to the newest earlier champion that is whole.
        """
        seen = self.state()
        if seen == self._seen:
            return self._model
        with self._lock:
            if seen != self._seen:
                self._model = self._reload()
                self._seen = seen if self._model is not None or seen is None else None
            return self._model

    def version(self) -> str | None:
        """Return the version that is served; None before the first promotion."""
        model = self.current()
        return model.card.version if model else None

    def model_of(self, version: str) -> Model:
        """Return a stored version: the champion as it is held already, another one from its files.

        Errors: `BadInput` for a name that can't be one, `NotThere` for a version that isn't stored, `BrokenArtefact`.
        """
        model = self.current()
        if model is not None and model.card.version == version:
            return model
        return artefact.load(version_directory(self._settings, version))

    def versions(self) -> list[ModelCard]:
        """Return the cards of all stored versions, newest first; broken ones are left out and logged."""
        cards = []
        for directory in sorted(self._models_dir.glob("[!.]*/")):
            try:
                cards.append(artefact.read_card(directory))
            except BrokenArtefact as error:
                _log.warning("version left out", version=directory.name, reason=error.detail)
        return sorted(cards, key=lambda card: (card.created_at, card.version), reverse=True)

    def state(self) -> tuple[int, int, int] | None:
        """Return what changes whenever the pointer does, `None` where there is none; costs one look at the file."""
        try:
            state = self._pointer.stat()
        except FileNotFoundError:
            return None
        return state.st_mtime_ns, state.st_size, state.st_ino

    def _reload(self) -> Model | None:
        try:
            pointer = Pointer.read(self._models_dir)
            if pointer is None:
                return None
            if self._model is not None and self._model.card.version == pointer.version:
                return self._model
            return _load(self._models_dir, pointer)
        except BrokenArtefact as error:
            kept = self._model or self._earlier()
            _log.error("champion can't be loaded", reason=error.detail, kept=kept.card.version if kept else None)
            return kept

    def _earlier(self) -> Model | None:
        """Return the newest earlier champion that is whole: what a fresh process serves instead of a broken one."""
        try:
            pointer = Pointer.read(self._models_dir)
        except BrokenArtefact:
            return None
        for version in reversed(pointer.before if pointer else ()):
            try:
                return artefact.load(self._models_dir / version)
            except BrokenArtefact as error:
                _log.warning("earlier champion can't be loaded either", reason=error.detail)
        return None


def promote(
    settings: Settings,
    database: Database,
    version: str,
    reason: str,
    evidence: Evidence,
    now: datetime,
    prepare: Prepare = lambda _: None,
) -> ModelCard:
    """Make a stored version the champion: check its files, prepare, write the decision, then move the pointer.

    Errors: `BadInput` for a name that can't be one, `NotThere` for a version that isn't stored, `BrokenArtefact` for
    one that can't be loaded.
    """
    directory = version_directory(settings, version)
    model = artefact.load(directory)
    with locked(settings.models_dir):
        old = pointer_or_none(settings.models_dir)
        before = (*old.before, old.version) if old and old.version != version else (old.before if old else ())
        prepare(model)
        decide(database, "promotion", version, old.version if old else None, reason, evidence, now)
        Pointer(version, artefact.sums_of(directory), before).write(settings.models_dir)
    return model.card


def rollback(
    settings: Settings,
    database: Database,
    reason: str,
    now: datetime,
    evidence: Evidence | None = None,
    prepare: Prepare = lambda _: None,
) -> ModelCard:
    """Return to the champion before this one, as `promote` does; raises `NotThere` when there is none."""
    with locked(settings.models_dir):
        old = Pointer.read(settings.models_dir)
        if old is None or not old.before:
            raise NotThere("there is no earlier champion to return to; `nextclose promote VERSION` names one")
        *before, version = old.before
        directory = version_directory(settings, version)
        model = artefact.load(directory)
        prepare(model)
        decide(database, "rollback", version, old.version, reason, evidence or {}, now)
        Pointer(version, artefact.sums_of(directory), tuple(before)).write(settings.models_dir)
    return model.card


def withdraw(
    settings: Settings, database: Database, version: str, reason: str, evidence: Evidence, now: datetime
) -> None:
    """Take a version away that a proof spoke against: the champion before it is served, or nobody.

    A rollback doesn't return to it either. Here the pointer moves first: a process that dies in between leaves nobody
    served instead of one that should not be, and the next contest proves before it promotes.
    """
    with locked(settings.models_dir):
        old = pointer_or_none(settings.models_dir)
        kept = [one for one in (*old.before, old.version) if one != version] if old else []
        if old and kept:
            *before, serving = kept
            sums = old.sums if serving == old.version else artefact.sums_of(version_directory(settings, serving))
            Pointer(serving, sums, tuple(before)).write(settings.models_dir)
        elif old:
            Pointer.remove(settings.models_dir)
        decide(database, "withdrawal", version, old.version if old else None, reason, evidence, now)


def _load(models_dir: Path, pointer: Pointer) -> Model:
    directory = models_dir / pointer.version
    if artefact.sums_of(directory) != pointer.sums:
        raise BrokenArtefact(f"{pointer.version}: its list of sums was altered since it became champion")
    return artefact.load(directory)
