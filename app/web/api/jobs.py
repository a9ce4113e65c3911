"""/api: runs of jobs, starting one, and how far they are as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from app.core.errors import RateLimited
from app.jobs import runs
from app.jobs.launch import launch
from app.web.api import answers, schemas
from app.web.edge.deps import Parts, Services
from app.web.edge.security import Admin

WATCHED_RUNS = 10
LOOK_EVERY_S = 1.0
STREAM_S = 600.0
"""A stream ends after this long, and the browser opens another: no connection outlives its reader for good."""
MAX_STREAMS = 64

router = APIRouter(prefix="/api")
_open_streams: set[object] = set()


@router.get("/jobs", tags=["jobs"])
def jobs(parts: Parts, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> schemas.Jobs:
    """List the newest runs, newest first."""
    with parts.database.read() as db:
        return schemas.Jobs(jobs=[answers.job(run) for run in runs.recent(db, limit)])


@router.get("/jobs/{job_id}", tags=["jobs"])
def job(job_id: Annotated[str, Path(max_length=26)], parts: Parts) -> schemas.Job:
    """Return one run: how far it is, or how it ended."""
    with parts.database.read() as db:
        return answers.job(runs.get(db, job_id))


@router.post("/jobs/{kind}", tags=["changes"], status_code=202, dependencies=[Admin])
def start(kind: Annotated[str, Path(description=f"One of {', '.join(runs.KINDS)}")], parts: Parts) -> schemas.Job:
    """Start a job; it runs in a process of its own, and its id tells how far it is."""
    return answers.job(launch(parts.settings, parts.database, kind, "api"))


def room_for_one_more() -> None:
    """Refuse a stream before it is begun, where too many are open."""
    if len(_open_streams) >= MAX_STREAMS:
        raise RateLimited(f"{MAX_STREAMS} streams are open already; poll /api/jobs instead")


@router.get("/events", tags=["jobs"], response_class=EventSourceResponse, dependencies=[Depends(room_for_one_more)])
async def events(parts: Parts) -> AsyncIterator[ServerSentEvent]:
    """Stream an event `job` for each run that starts, moves on or ends; those already there come first."""
    stream = object()
    _open_streams.add(stream)
    try:
        async for event in _changes(parts):
            yield event
    finally:
        _open_streams.discard(stream)


async def _changes(parts: Services) -> AsyncIterator[ServerSentEvent]:
    told: dict[str, schemas.Job] = {}
    ends = asyncio.get_running_loop().time() + STREAM_S
    while asyncio.get_running_loop().time() < ends:
        for now in await run_in_threadpool(_newest, parts):
            if told.get(now.id) != now:
                told[now.id] = now
                yield ServerSentEvent(raw_data=now.model_dump_json(), event="job", id=now.id)
        await asyncio.sleep(LOOK_EVERY_S)


def _newest(parts: Services) -> list[schemas.Job]:
    """Return the newest runs, oldest first."""
    with parts.database.read() as db:
        return [answers.job(run) for run in reversed(runs.recent(db, WATCHED_RUNS))]
