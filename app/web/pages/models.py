"""The pages of models and of the record: what was tried, what is served, and how it came out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.registry.promotion.challengers import in_shadow
from app.registry.promotion.decisions import PAGE, history
from app.registry.promotion.pointer import pointer_or_none
from app.web.api import models as api
from app.web.edge import render
from app.web.edge.deps import Services, ServicesDep
from app.web.edge.security import PageAdmin
from app.web.figures import drawing
from app.web.views import layout
from app.web.views import model as view_model
from app.web.views import record as view_record

ON_THE_PAGE = "by hand, on the model's page"

router = APIRouter(include_in_schema=False, default_response_class=Response)


@router.get("/models")
def models(
    request: Request, services: ServicesDep, before: Annotated[int | None, Query(ge=1, le=api.MOST)] = None
) -> Response:
    """Show the champion, the contest it came from, every stored version, and the decisions page by page."""
    served = services.champion.version()
    cards = services.champion.versions()
    with services.database.read() as db:
        made = history(db, before=before, limit=PAGE + 1)
        contest, shadow = api.contest_of(db, served)["contest"], in_shadow(db)
    return layout.page(
        request,
        services,
        "models",
        "/api/models",
        served=next((card for card in cards if card.version == served), None),
        cards=cards,
        challengers=shadow,
        decisions=made[:PAGE],
        older=made[PAGE - 1].id if len(made) > PAGE else None,
        contest=contest,
        baselines=view_model.BASELINES,
        earlier=_earlier(services),
    )


def _earlier(services: Services) -> str | None:
    """Return the version that a rollback returns to; None where there was no champion before."""
    pointer = pointer_or_none(services.settings.models_dir)
    return pointer.before[-1] if pointer and pointer.before else None


@router.get("/models/{version}")
def model(request: Request, version: str, services: ServicesDep) -> Response:
    """Show one version's card, its folds and features, where it came from, and the decisions about it."""
    card = api.card_of(services, version)
    with services.database.read() as db:
        made = history(db, version)
        proved = api.proofs(db, [card])[version]
    evidence = api.contest_in(made)
    return layout.page(
        request,
        services,
        "model",
        f"/api/models/{version}",
        card=card,
        served=version == services.champion.version(),
        proofs=proved,
        decisions=made,
        contest=evidence["contest"],
        baselines=view_model.BASELINES,
        folds=view_model.by_fold(card, evidence),
        weights=view_model.features(services, card),
        origin=view_model.origin(services, card, made),
        bins=drawing.histogram(card.metrics.pit),
    )


@router.post("/models/rollback", dependencies=[PageAdmin])
def rollback(services: ServicesDep) -> Response:
    """Return to the champion before this one, and show it."""
    card = api.roll_back(services, ON_THE_PAGE)
    return render.see_other(f"/models/{card.version}")


@router.post("/models/{version}/promote", dependencies=[PageAdmin])
def promote(version: str, services: ServicesDep) -> Response:
    """Make a version the champion, and show it."""
    card = api.move_champion(services, version, ON_THE_PAGE)
    return render.see_other(f"/models/{card.version}")


@router.get("/track-record")
def record(
    request: Request, services: ServicesDep, cursor: Annotated[str | None, Query(max_length=100)] = None
) -> Response:
    """Show what the ledger's scores add up to, and the ledger itself, newest first."""
    page = view_record.record_page(services, cursor)
    watched = [status for status in services.stored.all() if status.watched]
    return layout.page(request, services, "record", "/api/track-record", watched, page=page)
