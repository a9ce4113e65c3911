"""/api/models: what a version's contest came to by part, whom it differs from, and what it makes of its features."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from app.core.errors import BadInput, NotThere
from app.forecasts.prediction.dependence import Point
from app.registry.versions.card import WeekLoss
from app.registry.versions.importance import Importance, importance
from app.web.api.inputs import Version
from app.web.api.models import card_of, contest_of
from app.web.edge.deps import Services, ServicesDep
from app.web.predictions.comparison import Weeks, compared
from app.web.predictions.dependences import DependencesDep
from app.web.predictions.schemas import Schema

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


class ContestPart(Schema):
    """One part of a contest, such as its folds: each candidate has one number a key for each figure, null if unknown.

    The figures are `n`, `crps_skill` with its 95 % interval where it has one, `mae_ratio` and `coverage_80`.
    """

    keys: list[str]
    candidates: dict[str, dict[str, list[float | None]]]


class Contest(Schema):
    """The contest that a version came from: every candidate by part. Of a contest before they were kept, no parts."""

    version: str
    winner: str
    candidates: list[dict[str, Any]]
    parts: dict[str, ContestPart]


class Compared(Schema):
    """One entrant beside the first, on the weeks that both have on the same rows.

    `behind` is the part by which its CRPS lies above the first one's, with a 95 % interval by a block bootstrap over
    weeks; `differs` says that the interval excludes 0. All null where they have too few weeks in common.
    """

    entrant: str
    weeks: int
    rows: int
    crps: float | None
    crps_first: float | None
    behind: float | None
    behind_low: float | None
    behind_high: float | None
    differs: bool | None


class Comparison(Schema):
    """Entrants beside the first of them, in the order asked for."""

    first: str
    entrants: list[Compared]


class Importances(Schema):
    """What a version makes of each feature, by part, the largest share first.

    `weight` is per standard deviation of the feature, of log sigma or of the return's unit, and `per unit` of one that
    isn't standardised; `gain` is the training loss that the trees' splits on it saved, `splits` their number. `share`
    is of its part.
    """

    version: str
    importance: list[Importance]


class Dependences(Schema):
    """Partial dependence of the next session's forecasts on one feature: means over `symbols` newest rows."""

    version: str
    feature: str
    as_of: date
    symbols: int
    today: tuple[float, float, float] = Field(description="The feature's quartiles in those rows")
    points: list[Point]


@router.get("/comparison")
def comparison(entrant: Entrants, services: ServicesDep) -> Comparison:
    """Compare versions and candidates with the first of them: by how much, and whether that is more than chance."""
    first, *others = dict.fromkeys(entrant)
    known = {name: _weeks(services, name) for name in (first, *others)}
    return Comparison(
        first=first, entrants=[Compared(entrant=name, **compared(known[first], known[name])) for name in known]
    )


@router.get("/{version}/contest")
def contest(version: Version, services: ServicesDep) -> Contest:
    """Return every candidate of the contest that a version came from, whole and by fold, year, tercile and symbol."""
    card = card_of(services, version)
    with services.database.read() as db:
        evidence = contest_of(db, version)
    parts = {name: ContestPart(**evidence["parts"][name]) for name in _LONG} if "parts" in evidence else {}
    candidates = evidence["contest"]
    return Contest(version=version, winner=card.name, candidates=candidates, parts=parts)


@router.get("/{version}/importance")
def importances(version: Version, services: ServicesDep) -> Importances:
    """Return what a version makes of each of its features, as its artefact says it."""
    card_of(services, version)
    pipeline = services.champion.model_of(version).pipeline
    return Importances(version=version, importance=list(importance(pipeline)))


@router.get("/{version}/dependence")
def dependence(version: Version, feature: Feature, services: ServicesDep, dependences: DependencesDep) -> Dependences:
    """Return how the next session's forecasts depend on one feature, all else as it is: its partial dependence."""
    card_of(services, version)
    return Dependences(version=version, **asdict(dependences.of(version, feature)))


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
