"""The pages of prices and forecasts: a stock, what drives its forecast, the screener."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.core.errors import NextcloseError
from app.prices import store
from app.prices.symbols import normalise
from app.web.api import prices as api
from app.web.edge import render
from app.web.edge.deps import ServicesDep
from app.web.edge.security import PageAdmin
from app.web.predictions.answers import AnswersDep
from app.web.predictions.explainer import ExplainerDep
from app.web.predictions.outlook import answer_many
from app.web.predictions.screen import Screen
from app.web.views import layout
from app.web.views import screener as view_screener
from app.web.views import stock as view_stock
from app.web.views.chart import A_PAGE, Choice

router = APIRouter(include_in_schema=False, default_response_class=Response)

Above = Annotated[float | None, Query(gt=0, le=1e9)]
RangeQuery = Annotated[Literal["1M", "3M", "6M", "1Y", "5Y", "All"], Query(alias="range")]
Offset = Annotated[int, Query(ge=0, le=1_000_000)]
Show = Annotated[str | None, Query(max_length=120)]


@router.get("/stocks/{symbol}")
def stock(
    request: Request,
    symbol: str,
    services: ServicesDep,
    answers: AnswersDep,
    wanted: RangeQuery = "6M",
    show: Show = None,
    above: Above = None,
) -> Response:
    """Show one stock; the chart, by range and indicators, and the chance above a price are regions too."""
    name = normalise(symbol)
    if name != symbol:
        return render.see_other(f"/stocks/{quote(name)}")
    region = render.region(request)
    page = view_stock.stock(services, answers, name, Choice.read(wanted, show), above, region)
    twin = f"/predict/{quote(name)}" if page.forecast else f"/api/prices/{quote(name)}"
    base = str(request.base_url)
    answer = layout.page(request, services, "stock", twin, [page.status], page=page, base=base)
    if region == "forecast" and page.forecast and above is None:
        # Who waited for the first model gets the whole page: its chart and record have more to say, too.
        answer.headers["HX-Refresh"] = "true"
    return answer


@router.get("/stocks/{symbol}/numbers")
def numbers(request: Request, symbol: str, services: ServicesDep, show: Show = None, offset: Offset = 0) -> Response:
    """List a symbol's sessions with what the chart draws of them, a year to a page."""
    chosen = Choice.read("All", show)
    status, listed = view_stock.numbers(services, normalise(symbol), chosen, offset)
    twin = f"/api/prices/{quote(status.symbol)}"
    shown = {"stock": status, "numbers": listed, "chosen": chosen, "offset": offset, "a_page": A_PAGE}
    return layout.page(request, services, "numbers", twin, [status], None, **shown)


@router.get("/stocks/{symbol}/changes")
def changes(request: Request, symbol: str, services: ServicesDep) -> Response:
    """Tell what became of a symbol's prices; a region of the stock's page, or a page by itself."""
    status, found = api.changes_of(services, normalise(symbol))
    shown = {"found": found, "stock": status, "most": store.MOST_CHANGES}
    return layout.page(request, services, "changes", f"/api/changes/{quote(found.symbol)}", [status], None, **shown)


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
    reload_s = None if page.made is None else layout.LOOK_AGAIN_S
    shown = {"page": page, "columns": view_screener.HEADINGS}
    return layout.page(request, services, "screener", twin, page.statuses, reload_s, **shown)


@router.post("/stocks/{symbol}/watch", dependencies=[PageAdmin])
def watch(symbol: str, services: ServicesDep) -> Response:
    """Put a symbol on the watchlist, and show its page."""
    return render.see_other(f"/stocks/{quote(api.watch(symbol, services).symbol)}")


@router.post("/stocks/{symbol}/unwatch", dependencies=[PageAdmin])
def unwatch(symbol: str, services: ServicesDep) -> Response:
    """Take a symbol off the watchlist, and show its page."""
    return render.see_other(f"/stocks/{quote(api.unwatch(symbol, services).symbol)}")
