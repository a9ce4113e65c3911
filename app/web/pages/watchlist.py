"""The first page: the watchlist, what is added to it and removed, and the search of every page."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.core.errors import InvalidSymbol, UnknownSymbol
from app.prices.symbols import normalise
from app.web.api import prices as api
from app.web.edge import render, security
from app.web.edge.deps import ServicesDep
from app.web.edge.forms import Fields
from app.web.edge.security import PageAdmin
from app.web.predictions.answers import AnswersDep
from app.web.predictions.screen import Sort
from app.web.views import layout, watchlist
from app.web.views import search as view_search

LONGEST = 40

router = APIRouter(include_in_schema=False, default_response_class=Response)


@router.get("/")
def home(
    request: Request,
    services: ServicesDep,
    answers: AnswersDep,
    sort: Sort | None = None,
    only: watchlist.Only | None = None,
) -> Response:
    """Show how far each watched symbol may go next, or how far the first run is."""
    page = watchlist.watchlist(services, answers, sort, only)
    reload_s = layout.LOOK_AGAIN_S if page.setup and page.setup.running else None
    shown = {"page": page, "choices": watchlist.ONLY}
    return layout.page(request, services, "watchlist", "/api/screener?watched=true", page.statuses, reload_s, **shown)


@router.get("/search")
def search(request: Request, services: ServicesDep, q: Annotated[str, Query(max_length=LONGEST)] = "") -> Response:
    """Suggest stored symbols while a reader types; without a script, open what was typed."""
    found = view_search.stored(services.stored.all(), q)
    exact = _symbol(q)
    if render.region(request) is None and exact and (not found or found[0].symbol == exact):
        return render.see_other(f"/stocks/{quote(exact)}")
    known = any(status.symbol == exact for status in found)
    return render.page(
        request, "search", layout.around(request), query=q, found=found, unknown=None if known else exact
    )


def _symbol(text: str) -> str | None:
    try:
        return normalise(text)
    except InvalidSymbol:
        return None


@router.get("/watchlist/search")
def choices(
    request: Request, services: ServicesDep, symbol: Annotated[str, Query(max_length=LONGEST)] = ""
) -> Response:
    """Offer what could be added: stored symbols at once, then as a region of its own what the source has besides.

    The source is asked only for who may add something.
    """
    stored = services.stored.all()
    found, known = view_search.stored(stored, symbol), {status.symbol for status in stored}
    elsewhere: view_search.Elsewhere | None = view_search.Elsewhere()
    if render.region(request) == "choices":
        elsewhere = None
    elif security.standing(request) != "guest":
        elsewhere = view_search.elsewhere(services.source, symbol, known)
    longer = len(symbol.strip()) >= view_search.SHORTEST
    around = layout.around(request)
    return render.page(request, "add", around, text=symbol.strip(), found=found, elsewhere=elsewhere, longer=longer)


@router.post("/watchlist", dependencies=[PageAdmin])
def add(sent: Fields, services: ServicesDep) -> Response:
    """Put what was typed or chosen on the watchlist, and return to it; a name leads to what it may mean."""
    text = sent.get("symbol", "")
    try:
        api.watch(text, services)
    except UnknownSymbol:
        return render.see_other(f"/watchlist/search?{urlencode({'symbol': text[:LONGEST]})}")
    return render.see_other("/")


@router.post("/watchlist/{symbol}/remove", dependencies=[PageAdmin])
def remove(symbol: str, services: ServicesDep) -> Response:
    """Take a symbol off the watchlist, and return to it."""
    api.unwatch(symbol, services)
    return render.see_other("/")
