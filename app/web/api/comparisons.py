"""/api/models: what a version's contest came to by part, whom it differs from, and what it makes of its features."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query

from app.core.errors import BadInput, NotThere
from app.registry.versions import artefact
from app.registry.versions.card import WeekLoss
from app.registry.versions.importance import importance
from app.registry.versions.stored import version_directory
from app.web.api import schemas
from app.web.api.inputs import Version
from app.web.api.models import card_of, contest_of
from app.web.edge.deps import Services, ServicesDep
from app.web.predictions.comparison import Weeks, compared
from app.web.predictions.dependences import DependencesDep

MOST = 24
_LONG = ("fold", "year", "tercile", "kind", "symbol")

router = APIRouter(prefix="/api/models", tags=["models"])

Entrants = Annotated[
    list[str],
    Query(
        min_length=1,
        max_length=MOST,
        description="A version, or a candidate of the contest that it came from as VERSION/CANDIDATE",
    ),
]
Feature = Annotated[str, Query(max_length=60, description="One of the version's features")]


@router.get("/comparison")
def comparison(entrant: Entrants, services: ServicesDep) -> schemas.Comparison:
    """Compare versions and candidates with the first of them: by how much, and whether that is more than chance."""
    first, *others = dict.fromkeys(entrant)
    known = {name: _weeks(services, name) for name in (first, *others)}
    return schemas.Comparison(
        first=first, entrants=[schemas.Compared(entrant=name, **compared(known[first], known[name])) for name in known]
    )


@router.get("/{version}/contest")
def contest(version: Version, services: ServicesDep) -> schemas.Contest:
    """Return every candidate of the contest that a version came from, whole and by fold, year, tercile and symbol."""
    card = card_of(services, version)
    with services.database.read() as db:
        evidence = contest_of(db, version)
    parts = {name: schemas.Part(**evidence["parts"][name]) for name in _LONG} if "parts" in evidence else {}
    candidates = evidence["contest"]
    return schemas.Contest(version=version, winner=card.name, candidates=candidates, parts=parts)


@router.get("/{version}/importance")
def importances(version: Version, services: ServicesDep) -> schemas.Importances:
    """Return what a version makes of each of its features, as its artefact says it."""
    card_of(services, version)
    model = services.champion.current()
    if model is None or model.card.version != version:
        model = artefact.load(version_directory(services.settings, version))
    return schemas.Importances(version=version, importance=list(importance(model.pipeline)))


@router.get("/{version}/dependence")
def dependence(
    version: Version, feature: Feature, services: ServicesDep, dependences: DependencesDep
) -> schemas.Dependences:
    """Return how the next session's forecasts depend on one feature, all else as it is: its partial dependence."""
    card_of(services, version)
    return schemas.Dependences(version=version, **asdict(dependences.of(version, feature)))


def _weeks(services: Services, entrant: str) -> Weeks:
    version, _, candidate = entrant.partition("/")
    card = card_of(services, version)
    if not candidate:
        return card.metrics.by_week
    with services.database.read() as db:
        kept = contest_of(db, version).get("parts", {}).get("week")
    if kept is None:
        raise NotThere(f"version {version} came from a contest whose candidates weren't kept by week")
    if candidate not in kept["candidates"]:
        raise BadInput(f"{candidate!r} was no candidate beside {version}; those were {', '.join(kept['candidates'])}")
    rows = zip(kept["keys"], kept["n"], kept["candidates"][candidate], kept["random_walk"], strict=True)
    return {week: WeekLoss(n=n, crps=own, crps_random_walk=base) for week, n, own, base in rows}
