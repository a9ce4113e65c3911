"""/api: stored model versions, the decisions on them, and moving the champion by hand."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query
from sqlmodel import Session
from starlette.responses import Response

from app.core.errors import JobRunning, NotThere
from app.jobs import runs
from app.jobs.launch import hand_over, launch
from app.registry.promotion import champion as registry
from app.registry.promotion.challengers import in_shadow
from app.registry.promotion.decisions import PAGE, history
from app.registry.promotion.proofs import proofs_of
from app.registry.promotion.tables import DecisionRow
from app.registry.versions.card import ModelCard, Score
from app.web.api import schemas
from app.web.api.inputs import Version
from app.web.edge import csv
from app.web.edge.deps import Services, ServicesDep
from app.web.edge.security import Admin

BY_HAND = "by hand, over the API"

MOST = 2**31 - 1
"""The largest number that every database takes for a row's."""

router = APIRouter(prefix="/api/models")

Why = Annotated[schemas.Reason | None, Body()]


@router.get("", tags=["models"], response_model=schemas.Models, responses=csv.OFFERED)
def models(
    services: ServicesDep,
    shape: csv.Format = "json",
    table: Annotated[Literal["models", "candidates"], Query(description="Which of its lists, as CSV")] = "models",
) -> schemas.Models | Response:
    """List the stored versions, the champion, the candidates of its contest, and the newest decisions."""
    served = services.champion.version()
    cards = services.champion.versions()
    with services.database.read() as db:
        rows, shadow = history(db), in_shadow(db)
        candidates = contest_of(db, served)["contest"]
        proved = proofs(db, cards)
    if shape == "csv" and table == "candidates":
        return csv.answer(candidates, tuple(candidates[0]) if candidates else ("name",), "candidates")
    found = schemas.Models(
        champion=served,
        champion_expired=services.forecaster.expired() is not None,
        challengers=[version for version in shadow if version != served],
        models=[_brief(card, served, proved[card.version]) for card in cards],
        candidates=candidates,
        # The card and the parts in it are long, and have addresses of their own.
        decisions=[_decision(row, without=("card", "parts")) for row in rows],
    )
    return csv.table(found, "models", "models") if shape == "csv" else found


@router.get("/decisions", tags=["models"], response_model=schemas.Decisions, responses=csv.OFFERED)
def decisions(
    services: ServicesDep,
    version: Annotated[str | None, Query(max_length=40, description="Only those about this version")] = None,
    before: Annotated[int | None, Query(ge=1, le=MOST, description="Only those older than this one, by `id`")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = PAGE,
    shape: csv.Format = "json",
) -> schemas.Decisions | Response:
    """Return the whole history of decisions page by page, newest first, each with its evidence."""
    with services.database.read() as db:
        rows = history(db, version, before, limit + 1)
    more = rows[limit - 1].id if len(rows) > limit else None
    found = schemas.Decisions(decisions=[_decision(row, without=("parts",)) for row in rows[:limit]], before=more)
    return csv.table(found, "decisions", "decisions") if shape == "csv" else found


@router.get("/{version}", tags=["models"], response_model=schemas.ModelDetail, responses=csv.OFFERED)
def model(
    version: Version,
    services: ServicesDep,
    shape: csv.Format = "json",
    table: Annotated[Literal["by_year", "by_symbol"], Query(description="Which of its tables, as CSV")] = "by_year",
) -> schemas.ModelDetail | Response:
    """Return one version's whole card, and every decision about it with its evidence; as CSV, its scores."""
    card = card_of(services, version)
    if shape == "csv":
        of, scores = table.removeprefix("by_"), getattr(card.metrics, table)
        by = ({of: name, **score.model_dump()} for name, score in scores.items())
        return csv.answer(by, (of, *Score.model_fields), f"{version}-{table}")
    with services.database.read() as db:
        rows, proved = history(db, version), proofs(db, [card])
    return schemas.ModelDetail(
        champion=version == services.champion.version(),
        proofs=proved[version],
        card=card.model_dump(mode="json"),
        decisions=[_decision(row, without=("parts",)) for row in rows],
    )


@router.post("/rollback", tags=["changes"], dependencies=[Admin])
def rollback(services: ServicesDep, why: Why = None) -> schemas.Promoted:
    """Return to the champion before this one."""
    reason = (why.reason if why else "") or BY_HAND
    card = roll_back(services, reason)
    return schemas.Promoted(champion=card.version, reason=reason)


@router.post("/{version}/promote", tags=["changes"], dependencies=[Admin])
def promote(version: Version, services: ServicesDep, why: Why = None) -> schemas.Promoted:
    """Make a stored version the champion; its files are checked first, and the reason is kept."""
    reason = (why.reason if why else "") or BY_HAND
    return schemas.Promoted(champion=move_champion(services, version, reason).version, reason=reason)


def move_champion(services: Services, version: str, reason: str) -> ModelCard:
    """Promote a stored version; its own out-of-sample figures are the evidence."""
    card = card_of(services, version)
    evidence = {"metrics": card.metrics.overall.model_dump(), "verdict": card.verdict, "tries": card.tries}
    now, prepare = services.clock.now(), _prepare(services)
    registry.promote(services.settings, services.database, version, reason, evidence, now, prepare)
    _tell_mlflow(services)
    return card


def roll_back(services: Services, reason: str) -> ModelCard:
    """Return to the champion before this one."""
    now, prepare = services.clock.now(), _prepare(services)
    card = registry.rollback(services.settings, services.database, reason, now, prepare=prepare)
    _tell_mlflow(services)
    return card


def _prepare(services: Services) -> registry.Prepare:
    return partial(hand_over, services.settings, services.database, services.forecaster)


def _tell_mlflow(services: Services) -> None:
    """Start the job that moves MLflow's alias; one that runs already looks again before it ends."""
    with suppress(JobRunning):
        launch(services.settings, services.database, "alias", "promotion")


def proofs(db: Session, cards: Sequence[ModelCard]) -> dict[str, schemas.Proofs]:
    """Return how the proofs of each version stand."""
    running, found = runs.is_proving(db), proofs_of(db, [card.version for card in cards])
    return {version: schemas.Proofs(state=one.state(running), ran=one.ran) for version, one in found.items()}


def _brief(card: ModelCard, champion: str | None, proved: schemas.Proofs) -> schemas.ModelBrief:
    return schemas.ModelBrief.of(
        card,
        champion=card.version == champion,
        proofs=proved,
        symbols=len(card.symbols),
        features=len(card.features),
        metrics=card.metrics.overall.model_dump(),
    )


def _decision(row: DecisionRow, without: Sequence[str] = ()) -> schemas.Decision:
    evidence = {name: value for name, value in row.evidence.items() if name not in without}
    return schemas.Decision.of(row, evidence=evidence)


def card_of(services: Services, version: str) -> ModelCard:
    """Return a stored version's card; raises `NotThere`."""
    card = next((card for card in services.champion.versions() if card.version == version), None)
    if card is None:
        raise NotThere(f"there is no model version {version!r}; /models lists those there are")
    return card


def contest_of(db: Session, version: str | None) -> dict[str, Any]:
    """Return the evidence of the contest that a version came from, as `contest_in` does."""
    return contest_in(history(db, version) if version else ())


def contest_in(rows: Sequence[DecisionRow]) -> dict[str, Any]:
    """Return the evidence of the newest decision with a contest's table, best CRPS first; an empty one without."""
    return next((row.evidence for row in rows if isinstance(row.evidence.get("contest"), list)), {"contest": []})
