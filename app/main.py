"""Build the service: lifespan, routers, error renderers; the only place that wires the rooms together."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from app.core import log
from app.core.clock import Clock
from app.core.db import Database, migrate
from app.core.settings import Settings, load_settings
from app.jobs.retrain import forecaster
from app.jobs.schedule import Scheduler
from app.prices.refresh.first_run import seed
from app.registry.promotion.champion import Champion
from app.web import included, routers
from app.web.api.health import Counting, Metrics
from app.web.api.jobs import streams_end_with_server
from app.web.edge import errors, security, static
from app.web.edge.deps import Services
from app.web.front.gate import Gate
from app.web.front.hot import Hot
from app.web.front.recent import Recent
from app.web.predictions.answers import Answers
from app.web.predictions.background import Background
from app.web.predictions.dependences import Dependences
from app.web.predictions.explainer import Explainer

SWITCH_S = 0.0005
"""How long one thread may keep the others waiting: ready answers leave while another thread makes the next ones."""


class Service(FastAPI):
    """FastAPI behind the layers that refuse or answer at once: its own first steps cost as much as those answers."""

    front: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask those layers first."""
        await self.front(scope, receive, send)


def create_app(settings: Settings | None = None, bind_host: str | None = None) -> FastAPI:
    """Return the service; `bind_host` is the address it will listen on, which decides who may change state.

    Uvicorn calls this without arguments, in each server process.
    """
    log.configure()
    settings = settings or load_settings()
    database = Database(settings.database)
    clock = Clock(settings.now)
    app = Service(
        title="Nextclose",
        version=version("nextclose"),
        summary="The next session's closing price of many stocks, as a calibrated distribution, with its track record.",
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
    )
    made_by = forecaster(settings, database, clock)
    services = app.state.nextclose = Services(settings, database, clock, made_by, Champion(settings))
    app.state.answers = Answers(services)
    app.state.explainer = Explainer(services)
    app.state.dependences = Dependences(services)
    app.state.metrics = Metrics()
    recent = Recent(partial(FastAPI.__call__, app), app, services, app.state.metrics)
    app.front = Gate(Hot(recent, app.state.answers, app.state.metrics), settings, app.state.metrics)
    security.install(app, settings, bind_host or os.environ.get("UVICORN_HOST"))
    app.add_middleware(Counting, metrics=app.state.metrics)
    errors.install(app)
    static.mount(app)
    app.state.routes = [route for router in routers() for route in router.routes]
    app.router.routes.extend(included())
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Migrate the store, keep answers ready and the schedule going, and end all of it with the process."""
    services: Services = app.state.nextclose
    sys.setswitchinterval(SWITCH_S)
    migrate(services.database)
    seed(services.settings, services.database, services.clock)
    scheduler = Scheduler(services.settings, services.database)
    scheduler.start()
    answers = asyncio.create_task(Background(services, app.state.answers).run(), name="answers")
    try:
        with streams_end_with_server():
            yield
    finally:
        answers.cancel()
        await asyncio.wait([answers])
        await scheduler.stop()
        services.database.dispose()
