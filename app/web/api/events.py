"""/api/events: earnings days that are known; to those who ask for a stream, the same address streams jobs."""

from __future__ import annotations

from fastapi import APIRouter, Response

from app.prices import store
from app.prices.symbols import stock
from app.web.api import schemas
from app.web.api.inputs import End, OptionalStock, Start
from app.web.api.prices import in_order
from app.web.edge import csv
from app.web.edge.deps import ServicesDep
from app.web.edge.negotiation import STREAM

STREAMED = {
    "description": (
        "Earnings days. With `Accept: text/event-stream` instead a stream of jobs: an event `job` with the run as JSON"
        " for each that starts, moves on or ends; those already there come first"
    ),
    "content": {STREAM: {"schema": {"type": "string"}}, **csv.OFFERED[200]["content"]},
}

router = APIRouter(prefix="/api")


@router.get("/events", tags=["prices"], response_model=schemas.Events, responses={200: STREAMED})
def events(
    services: ServicesDep,
    response: Response,
    symbol: OptionalStock = None,
    start: Start = None,
    end: End = None,
    shape: csv.Format = "json",
) -> schemas.Events | Response:
    """Return the earnings days in [start, end] that are believed now, oldest first."""
    names = [stock(symbol)] if symbol else None
    in_order(start, end)
    response.headers["Vary"] = "Accept"
    with services.database.read() as db:
        found = schemas.Events(events=store.earnings_days(db, names, start, end))
    return csv.table(found, "events", "results-days") if shape == "csv" else found
