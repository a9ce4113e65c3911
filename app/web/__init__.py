"""PAGES and API: what people and programs see. Routes compute once and render a page, a region of it, or JSON.

Owns routes, schemas, templates' context, figures, and who may change state.
"""

from __future__ import annotations

from functools import cache

from fastapi import APIRouter
from starlette.routing import BaseRoute


def routers() -> list[APIRouter]:
    """Return every router, in the order in which addresses are tried."""
    from app.web.api import alerts, comparisons, events, forecasts, health, jobs, models, monitoring, predict, prices
    from app.web.pages import alerts as alerts_page
    from app.web.pages import feeds, login, operations, stocks, watchlist
    from app.web.pages import models as models_pages

    api = [predict, prices, forecasts, comparisons, models, monitoring, alerts, jobs, events, health]
    return [module.router for module in (*api, watchlist, stocks, models_pages, alerts_page, operations, login, feeds)]


@cache
def included() -> list[BaseRoute]:
    """Return what every service includes of these, once for all of a process.

    FastAPI works out what a route takes and answers when it is first asked, and anew for each service that includes it.
    """
    from app.web.edge import errors

    whole = APIRouter(responses=errors.RESPONSES)
    for router in routers():
        whole.include_router(router)
    return whole.routes
