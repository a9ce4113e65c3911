"""Challengers: versions that forecast in shadow beside the champion. Who they are follows from the decisions alone.

A retrained version enters by a challenge, a champion that was replaced by that promotion; one leaves when it is
promoted, retired or rolled back, or when newer ones need its place.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlmodel import Session, col, select

from app.core import log
from app.core.errors import BadInput, BrokenArtefact, NotThere
from app.core.settings import Settings
from app.registry.promotion.tables import DecisionRow
from app.registry.versions import artefact
from app.registry.versions.model import Model
from app.registry.versions.stored import version_directory

MOST: Final = 5
"""Versions in shadow at once: with one retraining a week, each has some 25 sessions before a newer one takes its place,
which is more than a comparison needs, and the ledger grows sixfold at most."""
_log = log.get(__name__)


def in_shadow(db: Session) -> tuple[str, ...]:
    """Return the versions that forecast in shadow now, the newest first."""
    moves = select(DecisionRow.kind, DecisionRow.version, DecisionRow.previous_version).order_by(col(DecisionRow.id))
    return _after(db.exec(moves))


def _after(moves: Iterable[tuple[str, str, str | None]]) -> tuple[str, ...]:
    """Return who is in shadow after these decisions (kind, version, the champion before), oldest first."""
    kept: list[str] = []
    for kind, version, previous in moves:
        entering = {"challenge": version, "promotion": previous}.get(kind)
        leaving = {version, previous} if kind in {"promotion", "rollback"} else {version}
        if kind != "refusal":
            kept = [one for one in kept if one not in leaving]
        if entering is not None and (kind, entering) != ("promotion", version):
            kept.append(entering)
    return tuple(reversed(kept[-MOST:]))


def loaded(settings: Settings, versions: Iterable[str]) -> list[Model]:
    """Return the versions that can be loaded; the others are logged and left out."""
    models = []
    for version in versions:
        try:
            models.append(artefact.load(version_directory(settings, version)))
        except (BrokenArtefact, NotThere, BadInput) as error:
            _log.warning("challenger left out", version=version, reason=error.detail)
    return models
