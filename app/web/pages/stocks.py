"""The pages of prices and forecasts: the watchlist, a stock, the search."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.core.errors import InvalidSymbol, NextcloseError
from app.prices import store
from app.prices.symbols import normalise
from app.web.api import prices as api
from app.web.edge import render
from app.web.edge.deps import ServicesDep
from app.web.edge.forms import Fields
from app.web.edge.security import PageAdmin
from app.web.predictions.answers import AnswersDep
from app.web.predictions.explainer import ExplainerDep
from app.web.predictions.outlook import answer_many
from app.web.predictions.screen import Screen, Sort
from app.web.views import layout, watchlist
from app.web.views import screener as view_screener
from app.web.views import stock as view_stock
from app.web.views.chart import RANGES, Choice

LOOK_AGAIN_S = 2

router = APIRouter(include_in_schema=False, default_response_class=Response)

Above = Annotated[float | None, Query(gt=0, le=1e9)]
RangeQuery = Annotated[Literal["1M", "3M", "6M", "1Y", "5Y", "All"], Query(alias="range")]
Show = Annotated[str | None, Query(max_length=120)]


@router.get("/")
def home(request: Request, services: ServicesDep, answers: AnswersDep, sort: Sort | None = None) -> Response:
    """Show how far each watched symbol may go next, or how far the first run is."""
    page = watchlist.watchlist(services, answers, sort)
    reload_s = LOOK_AGAIN_S if page.setup and page.setup.running else None
    return layout.page(request, services, "watchlist", "/api/screener?watched=true", page.statuses, reload_s, page=page)


@router.get("/stocks/{symbol}")
def stock(
    request: Request,
    symbol: str,
    services: ServicesDep,
    wanted: RangeQuery = "6M",
    show: Show = None,
    above: Above = None,
) -> Response:
    """Show one stock; the chart, by range and indicators, and the chance above a price are regions too."""
    name = normalise(symbol)
    if name != symbol:
        return render.see_other(f"/stocks/{quote(name)}")
    page = view_stock.stock(services, name, Choice.read(wanted, show), above)
    twin = f"/predict/{quote(name)}" if page.forecast else f"/api/prices/{quote(name)}"
    base = str(request.base_url)
    return layout.page(request, services, "stock", twin, [page.status], page=page, ranges=RANGES, base=base)


@router.get("/stocks/{symbol}/drivers")
def drivers(
    request: Request, symbol: str, services: ServicesDep, answers: AnswersDep, explainer: ExplainerDep
) -> Response:
    """Say why a forecast is as wide as it is; a region of the stock's page, or a page by itself."""
    name = normalise(symbol)
    answer = answer_many(answers, [name])[0]
    if isinstance(answer, NextcloseError):
        raise answer
    with services.database.read() as db:
        status = store.status(db, name)
    twin = f"/predict/{quote(name)}?explain=true"
    found = explainer.drivers(answer)
    return layout.page(
        request, services, "drivers", twin, [status], drivers=found, made=answer.forecast, situation=answer.situation
    )


@router.get("/screener")
def screener(
    request: Request, screen: Annotated[Screen, Query()], services: ServicesDep, answers: AnswersDep
) -> Response:
    """Show all stored symbols by their outlook: filtered, sorted, page by page."""
    page = view_screener.screened(services, answers, screen)
    twin = f"/api/screener?{view_screener.query(screen)}"
    reload_s = None if page.made is None else LOOK_AGAIN_S
    shown = {"page": page, "columns": view_screener.HEADINGS}
    return layout.page(request, services, "screener", twin, page.statuses, reload_s, **shown)


@router.get("/search")
def search(request: Request, services: ServicesDep, q: Annotated[str, Query(max_length=40)] = "") -> Response:
    """Suggest stored symbols while a reader types; without a script, open what was typed."""
    with services.database.read() as db:
        found = watchlist.suggestions(db, q)
    exact = _symbol(q)
    if render.region(request) is None and exact and (not found or found[0].symbol == exact):
        return render.see_other(f"/stocks/{quote(exact)}")
    known = any(status.symbol == exact for status in found)
    return render.page(request, "search", query=q, found=found, unknown=None if known else exact)


def _symbol(text: str) -> str | None:
    try:
        return normalise(text)
    except InvalidSymbol:
        return None


@router.post("/watchlist", dependencies=[PageAdmin])
def add(sent: Fields, services: ServicesDep) -> Response:
    """Put what was typed on the watchlist, and return to it."""
    api.watch(sent.get("symbol", ""), services)
    return render.see_other("/")


@router.post("/stocks/{symbol}/watch", dependencies=[PageAdmin])
def watch(symbol: str, services: ServicesDep) -> Response:
    """Put a symbol on the watchlist, and show its page."""
    return render.see_other(f"/stocks/{quote(api.watch(symbol, services).symbol)}")


@router.post("/stocks/{symbol}/unwatch", dependencies=[PageAdmin])
def unwatch(symbol: str, services: ServicesDep) -> Response:
    """Take a symbol off the watchlist, and show its page."""
    return render.see_other(f"/stocks/{quote(api.unwatch(symbol, services).symbol)}")
