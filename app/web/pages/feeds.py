"""What other programs and pages take from here: a calendar, a feed, and a card for a frame."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.core.clock import calendar
from app.core.errors import UnknownSymbol
from app.prices import store
from app.prices.symbols import normalise
from app.registry.promotion.decisions import history
from app.web.api.inputs import OptionalStock
from app.web.edge import render
from app.web.edge.deps import Services, ServicesDep
from app.web.figures import drawing
from app.web.predictions.answers import AnswersDep
from app.web.predictions.outlook import answer_many
from app.web.predictions.snapshot import Answer
from app.web.views import feeds

FRAMED: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; font-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors *",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cache-Control": "public, max-age=300",
}
"""Any page may frame the card: there is nothing on it to press, no script, and no cookie comes along."""

router = APIRouter(include_in_schema=False, default_response_class=Response)

Of = Annotated[Literal["watchlist", "all"], Query()]


@router.get("/events.ics")
def results_days(
    request: Request, services: ServicesDep, of: Of = "watchlist", symbol: OptionalStock = None
) -> Response:
    """Return the results days from today on as a calendar: the watchlist's, all stored symbols', or one symbol's."""
    today = services.clock.now().astimezone(calendar().timezone).date()
    with services.database.read() as db:
        watched = [normalise(symbol)] if symbol else store.watchlist(db) if of == "watchlist" else []
        days = store.earnings_days(db, watched or None, today)
    text = feeds.calendar(days, str(request.base_url))
    headers = {"Content-Disposition": 'inline; filename="results-days.ics"', "Cache-Control": "no-cache"}
    return Response(text, media_type="text/calendar; charset=utf-8", headers=headers)


@router.get("/decisions.atom")
def decisions(request: Request, services: ServicesDep) -> Response:
    """Return the newest decisions on models as an Atom feed."""
    with services.database.read() as db:
        rows = history(db)
        told = {"updated": feeds.updated(rows), "entries": feeds.entries(rows), "base": str(request.base_url)}
    text = render.environment().get_template("feeds/decisions.xml").render(told)
    return Response(text, media_type="application/atom+xml; charset=utf-8", headers={"Cache-Control": "no-cache"})


@router.get("/embed/{symbol}")
def card(request: Request, symbol: str, services: ServicesDep, answers: AnswersDep) -> Response:
    """Return one symbol's forecast as a card for a frame on somebody else's page; nothing is looked up for it."""
    name = normalise(symbol)
    found = answer_many(answers, [name])[0]
    told: dict[str, Any] = {"symbol": name, "name": None, "made": None, "base": str(request.base_url)}
    if isinstance(found, Answer):
        told |= _told(services, found)
    else:
        told["problem"] = "it isn't stored here" if isinstance(found, UnknownSymbol) else found.detail
    status = found.status if isinstance(found, UnknownSymbol) else 200
    return Response(
        render.environment().get_template("embed.html").render(told), status, FRAMED, "text/html; charset=utf-8"
    )


def _told(services: Services, found: Answer) -> dict[str, Any]:
    made = found.forecast
    with services.database.read() as db:
        name = store.status(db, made.symbol).name
    strip, fresh = drawing.strip(made, drawing.reach([made])), services.forecaster.freshness(made)
    return {"made": made, "name": name, "situation": found.situation, "strip": strip, "freshness": fresh}
