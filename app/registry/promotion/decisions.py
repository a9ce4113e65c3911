"""Decisions: who became champion, who didn't, who tries in shadow, each with its evidence; append-only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal

from sqlmodel import Session, col, func, select

from app.core.db import Database
from app.registry.promotion.tables import DecisionRow

Kind = Literal["promotion", "refusal", "rollback", "challenge", "retirement", "proof", "withdrawal"]
PAGE: Final = 50
_LOOKED_BACK: Final = 200


@dataclass(frozen=True)
class Training:
    """A past training that came to a decision: the last session it learnt from, and whether all candidates competed.

    `at_once` says that its winner could become champion without proving itself in shadow.
    """

    through: date
    is_contest: bool
    at_once: bool


def decide(
    database: Database,
    kind: Kind,
    version: str,
    previous: str | None,
    reason: str,
    evidence: dict[str, Any],
    now: datetime,
) -> None:
    """Write one decision; `previous` is the champion at that time.

    A refusal says that a trained version didn't become champion, a challenge that it forecasts in shadow from now on, a
    retirement that it no longer does; a proof that those hold which a champion owed.
    """
    row = DecisionRow(
        kind=kind, version=version, previous_version=previous, reason=reason, evidence=evidence, decided_at=now
    )
    with database.write() as db:
        db.add(row)


def nothing_decided(database: Database) -> bool:
    """Say whether no version was ever promoted, refused or withdrawn here."""
    with database.read() as db:
        return db.exec(select(DecisionRow.id).limit(1)).first() is None


def withdrawn(db: Session) -> set[str]:
    """Return the versions that were taken away because a proof spoke against them, and weren't promoted since."""
    moves = select(DecisionRow.version, func.max(DecisionRow.id)).group_by(col(DecisionRow.version))
    moves = moves.where(col(DecisionRow.kind).in_(("promotion", "rollback", "withdrawal")))
    last = dict(db.exec(moves).all())
    kinds = select(DecisionRow.version).where(col(DecisionRow.id).in_(last.values()), DecisionRow.kind == "withdrawal")
    return set(db.exec(kinds))


def history(db: Session, version: str | None = None, before: int | None = None, limit: int = PAGE) -> list[DecisionRow]:
    """Return decisions, newest first: those about a version, and those before one's number."""
    query = select(DecisionRow).order_by(col(DecisionRow.id).desc()).limit(limit)
    if version is not None:
        query = query.where(DecisionRow.version == version)
    if before is not None:
        query = query.where(col(DecisionRow.id) < before)
    return list(db.exec(query))


def trainings(db: Session) -> list[Training]:
    """Return what past trainings learnt from, newest first, by the cards in their evidence."""
    evidence: Any = DecisionRow.evidence
    through = evidence[("card", "trained_through")].as_string()
    query = select(DecisionRow.kind, through, evidence["training"].as_string()).where(
        col(DecisionRow.kind).in_(("promotion", "refusal", "challenge"))
    )
    rows = db.connection().execute(query.order_by(col(DecisionRow.id).desc()).limit(_LOOKED_BACK))
    return [
        Training(date.fromisoformat(day), how != "refit", kind != "challenge")
        for kind, day, how in rows
        if day is not None
    ]
