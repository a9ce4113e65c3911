"""/api: stored model versions, the decisions on them, and moving the champion by hand."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path
from sqlmodel import Session, col, select

from app.core.errors import NotThere
from app.registry.promotion import champion as registry
from app.registry.promotion.tables import DecisionRow
from app.registry.versions.card import ModelCard
from app.web.api import answers, schemas
from app.web.edge.deps import Parts, Services
from app.web.edge.security import Admin

DECISIONS = 50
BY_HAND = "by hand, over the API"

router = APIRouter(prefix="/api/models")

Version = Annotated[str, Path(max_length=40)]
Why = Annotated[schemas.Reason | None, Body()]


@router.get("", tags=["models"])
def models(parts: Parts) -> schemas.Models:
    """List the stored versions, the champion, the candidates of its contest, and the newest decisions."""
    served = served_version(parts)
    with parts.database.read() as db:
        rows = decisions(db)
    return schemas.Models(
        champion=served,
        models=[answers.model_brief(card, served) for card in parts.champion.versions()],
        candidates=contest_of(rows, served),
        decisions=[answers.decision(row, with_card=False) for row in rows],
    )


@router.get("/{version}", tags=["models"])
def model(version: Version, parts: Parts) -> schemas.ModelDetail:
    """Return one version's whole card, and every decision about it with its evidence."""
    card = card_of(parts, version)
    with parts.database.read() as db:
        rows = decisions(db, version)
    return schemas.ModelDetail(
        champion=version == served_version(parts),
        card=card.model_dump(mode="json"),
        decisions=[answers.decision(row) for row in rows],
    )


@router.post("/rollback", tags=["changes"], dependencies=[Admin])
def rollback(parts: Parts, why: Why = None) -> schemas.Promoted:
    """Return to the champion before this one."""
    reason = (why.reason if why else "") or BY_HAND
    card = registry.rollback(parts.settings, parts.database, reason, parts.clock.now())
    return schemas.Promoted(champion=card.version, reason=reason)


@router.post("/{version}/promote", tags=["changes"], dependencies=[Admin])
def promote(version: Version, parts: Parts, why: Why = None) -> schemas.Promoted:
    """Make a stored version the champion; its files are checked first, and the reason is kept."""
    reason = (why.reason if why else "") or BY_HAND
    return schemas.Promoted(champion=move_champion(parts, version, reason).version, reason=reason)


def move_champion(parts: Services, version: str, reason: str) -> ModelCard:
    """Promote a stored version; its own out-of-sample figures are the evidence."""
    card = card_of(parts, version)
    evidence = {"metrics": card.metrics.overall.model_dump(), "verdict": card.verdict, "tries": card.tries}
    return registry.promote(parts.settings, parts.database, version, reason, evidence, parts.clock.now())


def served_version(parts: Services) -> str | None:
    """Return the champion's version; None before the first promotion."""
    current = parts.champion.current()
    return current.card.version if current else None


def card_of(parts: Services, version: str) -> ModelCard:
    """Return a stored version's card; raises `NotThere`."""
    card = next((card for card in parts.champion.versions() if card.version == version), None)
    if card is None:
        raise NotThere(f"there is no model version {version!r}; /api/models lists those there are")
    return card


def decisions(db: Session, version: str | None = None) -> list[DecisionRow]:
    """Return the newest decisions, newest first; with a version, those about it."""
    query = select(DecisionRow).order_by(col(DecisionRow.id).desc()).limit(DECISIONS)
    if version is not None:
        query = query.where(DecisionRow.version == version)
    return list(db.exec(query).all())


def contest_of(decisions: list[DecisionRow], version: str | None) -> list[dict[str, Any]]:
    """Return the table of the contest that a version came from, best CRPS first; empty where none was kept."""
    for row in decisions:
        if row.version == version and isinstance(row.evidence.get("contest"), list):
            kept: list[dict[str, Any]] = row.evidence["contest"]
            return kept
    return []
