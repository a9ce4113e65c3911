"""PAGES and API: what people and programs see. Routes compute once and render a page, a region of it, or JSON.

Owns routes, schemas, templates' context, figures, and who may change state.
"""

from __future__ import annotations

from fastapi import APIRouter


def routers() -> list[APIRouter]:
    """Return every router, in the order in which addresses are tried."""
    from app.web import (
        api_forecasts,
        api_jobs,
        api_models,
        api_prices,
        health,
        pages,
        pages_about,
        pages_models,
        predict,
    )

    api = [predict, api_prices, api_forecasts, api_models, api_jobs, health]
    return [module.router for module in (*api, pages, pages_models, pages_about)]
