"""/api: runs of jobs, starting one, and how far they are as server-sent events."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from fastapi.routing import APIRoute
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import TypeAdapter
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from app.core.errors import RateLimited
from app.jobs import plan, runs
from app.jobs.launch import launch
from app.jobs.tables import JobRun
from app.jobs.timing import TimedRun, timed
from app.web.api.schemas import Jobs
from app.web.edge import csv
from app.web.edge.deps import Services, ServicesDep
from app.web.edge.negotiation import asks_for_stream
from app.web.edge.security import Admin

WATCHED_RUNS = 10
LOOK_EVERY_S = 1.0
STREAM_S = 600.0
"""A stream ends after this long, and the browser opens another: no connection outlives its reader for good."""
MAX_STREAMS = 64

router = APIRouter(prefix="/api")
_open_streams: set[object] = set()
_server_stops = threading.Event()
_JSON = TypeAdapter(TimedRun)


@router.get("/jobs", tags=["jobs"], response_model=Jobs, responses=csv.OFFERED)
def jobs(
    services: ServicesDep,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    shape: csv.Format = "json",
) -> Jobs | Response:
    """List the newest runs, newest first, and when each scheduled job comes next."""
    with services.database.read() as db:
        found = Jobs(jobs=timed(db, runs.recent(db, limit)), upcoming=plan.upcoming(db, services.clock.now()))
    return csv.table(found, "jobs", "jobs") if shape == "csv" else found


@router.get("/jobs/{job}", tags=["jobs"])
def job(job: Annotated[str, Path(max_length=26, description="A run's id")], services: ServicesDep) -> TimedRun:
    """Return one run: how far it is and what is left, or how it ended."""
    with services.database.read() as db:
        return timed(db, [runs.get(db, job)])[0]


@router.post("/jobs/{job}", tags=["changes"], status_code=202, dependencies=[Admin])
def start(
    job: Annotated[str, Path(description="Its kind", json_schema_extra={"enum": list(runs.KINDS)})],
    services: ServicesDep,
) -> JobRun:
    """Start a job; it runs in a process of its own, and its id leads to how far it is."""
    return launch(services.settings, services.database, job, "api")


@router.post("/jobs/{job}/cancel", tags=["changes"], status_code=202, dependencies=[Admin])
def cancel(job: Annotated[str, Path(max_length=26, description="A run's id")], services: ServicesDep) -> JobRun:
    """Ask a running job to end; its state is `cancelled` as soon as its processes are gone, which takes seconds."""
    return runs.ask_to_stop(services.database, job, "cancelled")


class StreamRoute(APIRoute):
    """A route for those alone who ask for server-sent events; the same address answers others with earnings days."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match by address and by what the client accepts."""
        if not asks_for_stream(scope):
            return Match.NONE, {}
        return super().matches(scope)


def room_for_one_more() -> None:
    """Refuse a stream before it is begun, where too many are open."""
    if len(_open_streams) >= MAX_STREAMS:
        raise RateLimited(f"{MAX_STREAMS} streams are open already; poll /api/jobs instead")


@contextmanager
def streams_end_with_server() -> Iterator[None]:
    """While inside, end the streams when a signal stops the server, which waits for answers that have begun."""
    if threading.current_thread() is not threading.main_thread():  # it gets no signals
        yield
        return
    found = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    handlers = {int(number): handler for number, handler in found.items() if callable(handler)}

    def stop(number: int, frame: FrameType | None) -> None:
        _server_stops.set()
        handlers[number](number, frame)

    for number in handlers:
        signal.signal(number, stop)
    try:
        yield
    finally:
        _server_stops.clear()
        for number, handler in handlers.items():
            signal.signal(number, handler)


async def events(services: ServicesDep) -> AsyncIterator[ServerSentEvent]:
    """Stream an event `job` for each run that starts, moves on or ends; those already there come first."""
    stream = object()
    _open_streams.add(stream)
    try:
        async for event in _changes(services):
            yield event
    finally:
        _open_streams.discard(stream)


router.add_api_route(
    "/events",
    events,
    response_class=EventSourceResponse,
    dependencies=[Depends(room_for_one_more)],
    route_class_override=StreamRoute,
    include_in_schema=False,  # an address has one entry there: that of the earnings days, which describes both
)


async def _changes(services: Services) -> AsyncIterator[ServerSentEvent]:
    sent: dict[str, str] = {}
    ends = asyncio.get_running_loop().time() + STREAM_S
    while asyncio.get_running_loop().time() < ends and not _server_stops.is_set():
        for run_id, text in await run_in_threadpool(_newest, services):
            if sent.get(run_id) != text:
                sent[run_id] = text
                yield ServerSentEvent(raw_data=text, event="job", id=run_id)
        await asyncio.sleep(LOOK_EVERY_S)


def _newest(services: Services) -> list[tuple[str, str]]:
    """Return the newest runs' ids and JSON, oldest first."""
    with services.database.read() as db:
        found = timed(db, runs.recent(db, WATCHED_RUNS))
    return [(run.id, _JSON.dump_json(run).decode()) for run in reversed(found)]
