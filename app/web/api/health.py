"""Is the process up, can it answer, and what does it count: /healthz, /readyz, /metrics."""

from __future__ import annotations

from collections import Counter as Counted
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from math import nan
from time import perf_counter
from typing import Any

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from pydantic import BaseModel
from sqlmodel import Session, func, select
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.errors import StoreUnavailable
from app.forecasts.ledger.events import OTHER
from app.forecasts.ledger.tables import ForecastRow
from app.jobs import runs
from app.monitoring.outcomes import CLAIMS
from app.monitoring.report import VERDICTS
from app.prices import store
from app.prices.store import SymbolStatus
from app.web.edge.deps import Services, ServicesDep

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
LOOKED_BACK = 100
"""So many runs are looked through for the newest of each kind."""
_COLUMNS = {claim.name: claim.column for claim in CLAIMS if claim.kind == OTHER}

router = APIRouter(tags=["service"])


class Health(BaseModel):
    """The process answers."""

    status: str = "ok"


class Readiness(BaseModel):
    """Whether forecasts can be served, and how old the watchlist's prices are; without one, all that are stored."""

    ready: bool
    store: bool
    champion: str | None = None
    champion_expired: bool = False
    source: str | None = None
    symbols: int = 0
    sessions_behind: int | None = None


@router.get("/healthz")
async def healthz() -> Health:
    """Say that the process answers; touches nothing else."""
    return Health()


@router.get("/readyz", responses={503: {"model": Readiness, "description": "Not ready: no store or no champion"}})
def readyz(services: ServicesDep) -> Response:
    """Say whether the store opens and a champion is loaded; old prices alone don't make it unready."""
    state = readiness(services)
    return JSONResponse(state.model_dump(), 200 if state.ready else 503)


def readiness(services: Services) -> Readiness:
    """Look at the store, the champion and the age of the watchlist's prices."""
    try:
        with services.database.read() as db:
            store.data_version(db)  # it must open now, whatever is kept of it
        stored = services.stored.all()
    except StoreUnavailable:
        return Readiness(ready=False, store=False)
    champion = services.champion.version()
    found = [status for status in stored if status.watched] or stored
    with_bars = [status for status in found if status.last is not None]
    return Readiness(
        ready=champion is not None and any(status.bars for status in stored),
        store=True,
        champion=champion,
        champion_expired=services.forecaster.expired() is not None,
        source=with_bars[0].source if with_bars else None,
        symbols=len(found),
        sessions_behind=max((behind or 0 for behind in services.all_behind(with_bars)), default=None),
    )


class Metrics:
    """One process's counters; each app has its own registry."""

    def __init__(self) -> None:
        self.registry = own = CollectorRegistry()
        gauge = partial(Gauge, registry=own)
        labels = ["method", "route", "status"]
        self.requests = Counter("nextclose_requests", "Requests answered", labels, registry=own)
        self.seconds = Histogram(
            "nextclose_request_seconds", "Time to answer", ["route"], buckets=BUCKETS, registry=own
        )
        self.behind = gauge("nextclose_sessions_behind", "Final sessions that the oldest watched prices lack")
        self.ready = gauge("nextclose_ready", "1 when forecasts can be served")
        self.champion = gauge("nextclose_champion", "1 for the version that is served", ["version"])
        self.verdict = gauge("nextclose_verdict", "How what is served holds up: 0 healthy, 1 watch, 2 degraded")
        self.detector = gauge("nextclose_detector", "A claim's detector, in parts of an alarm", ["claim"])
        self.part = gauge("nextclose_detector_part", "What a group of symbols adds to it", ["claim", "group"])
        self.drift = gauge("nextclose_drift_psi", "PSI of the last month, weighted by importance")
        self.coverage = gauge("nextclose_coverage", "Share of closes in their bands, last 21 sessions", ["level"])
        self.loss = gauge("nextclose_loss_ratio", "CRPS over the random walk's, last 21 sessions")
        self.outcomes = gauge("nextclose_source_symbols", "Symbols by how the source last answered", ["outcome"])
        self.fetched = gauge("nextclose_bars_timestamp_seconds", "When the newest watched bar was fetched")
        self.forecast = gauge("nextclose_forecast_timestamp_seconds", "When the newest live forecast was made")
        self.job_seconds = gauge("nextclose_job_seconds", "How long the newest ended run took", ["kind", "state"])
        self.job_ended = gauge("nextclose_job_timestamp_seconds", "When it ended", ["kind", "state"])
        self.monitored = gauge("nextclose_monitored_timestamp_seconds", "When it was monitored last")
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request; finding the counters by their labels costs more than counting, and is done once."""
        key = (method, route, status)
        if key not in self._children:
            self._children[key] = self.requests.labels(method, route, str(int(status))), self.seconds.labels(route)
        requests, taken = self._children[key]
        requests.inc()
        taken.observe(seconds)

    def show(self, report: dict[str, Any] | None) -> None:
        """Set the gauges of a monitoring report; NaN where there is none yet."""
        self.verdict.set(VERDICTS.index(report["verdict"]) if report else nan)
        self.drift.set(report["drift"]["psi"] if report and report["drift"] else nan)
        self.monitored.set(datetime.fromisoformat(report["made_at"]).timestamp() if report else nan)
        for claim in report["claims"] if report else ():
            self.detector.labels(claim["name"]).set(claim["value"])
            self._show_recent(_COLUMNS.get(claim["name"], ""), claim["recent"])
            for part in claim.get("parts", ()):
                self.part.labels(claim["name"], part["group"]).set(part["value"])

    def _show_recent(self, column: str, recent: float | None) -> None:
        value = nan if recent is None else recent
        if column == "excess":
            self.loss.set(1.0 + value)
        elif column:
            self.coverage.labels(column.removeprefix("hit_")).set(value)

    def show_store(self, db: Session, stored: Sequence[SymbolStatus]) -> None:
        """Set the gauges of what is stored: prices, forecasts, and the newest ended run of each kind of job."""
        self.outcomes.clear()
        for outcome, symbols in Counted(one.outcome or "never asked" for one in stored).items():
            self.outcomes.labels(outcome).set(symbols)
        self.fetched.set(_instant(max((one.fetched_at for one in stored if one.fetched_at), default=None)))
        newest = select(func.max(ForecastRow.made_at)).where(ForecastRow.origin == "live")
        self.forecast.set(_instant(db.exec(newest).one()))
        self.job_seconds.clear()
        self.job_ended.clear()
        ended = {run.kind: run for run in reversed(runs.recent(db, LOOKED_BACK)) if run.ended_at}
        for run in ended.values():
            if run.ended_at:
                self.job_seconds.labels(run.kind, run.state).set((run.ended_at - run.started_at).total_seconds())
                self.job_ended.labels(run.kind, run.state).set(run.ended_at.timestamp())


def _instant(value: datetime | None) -> float:
    return nan if value is None else value.timestamp()


class Counting:
    """Counts and times every request by its route's pattern; an unknown path is one route, or counters would swell."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and note its status and time."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = perf_counter(), 500

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            route = getattr(scope.get("route"), "path", "unknown")
            self._metrics.count(scope["method"], route, status, perf_counter() - begun)


@router.get("/metrics", response_class=Response, responses={200: {"content": {CONTENT_TYPE_LATEST: {}}}})
def metrics(request: Request, services: ServicesDep) -> Response:
    """Return this process's counters and the service's state in Prometheus' text format."""
    counted: Any = request.app.state.metrics
    state = readiness(services)
    counted.ready.set(int(state.ready))
    counted.behind.set(state.sessions_behind if state.sessions_behind is not None else nan)
    report = None
    if state.store:
        with services.database.read() as db:
            report = runs.last_report(db)
            counted.show_store(db, services.stored.all())
    counted.show(report)
    counted.champion.clear()
    if state.champion:
        counted.champion.labels(state.champion).set(1)
    return Response(generate_latest(counted.registry), media_type=CONTENT_TYPE_LATEST)
