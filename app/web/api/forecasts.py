"""/api: the ledger and its score."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query

from app.forecasts import ledger
from app.forecasts.track_record import TrackRecord, track_record
from app.prices.symbols import normalise
from app.web.api import schemas
from app.web.edge.deps import ServicesDep

router = APIRouter(prefix="/api", tags=["forecasts"])

SymbolQuery = Annotated[str | None, Query(max_length=40, examples=["AAPL"])]
ModelQuery = Annotated[str | None, Query(max_length=40, description="A model's name or one version of it")]


@router.get("/forecasts")
def forecasts(
    services: ServicesDep,
    symbol: SymbolQuery = None,
    model: ModelQuery = None,
    start: Annotated[date | None, Query(description="First target session")] = None,
    end: Annotated[date | None, Query(description="Last target session")] = None,
    limit: Annotated[int, Query(ge=1, le=ledger.PAGE_LIMIT)] = 100,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> schemas.Ledger:
    """Return forecasts as they were made, newest first, with their scores where the close is known."""
    name = normalise(symbol) if symbol else None
    with services.database.read() as db:
        page = ledger.page(db, symbol=name, model=model, start=start, end=end, limit=limit, cursor=cursor)
    return schemas.Ledger(forecasts=[schemas.LedgerEntry.of_entry(entry) for entry in page.entries], cursor=page.cursor)


@router.get("/track-record")
def record(
    services: ServicesDep,
    symbol: SymbolQuery = None,
    model: ModelQuery = None,
    days: Annotated[int | None, Query(ge=1, le=36_500, description="Only the last so many calendar days")] = None,
) -> TrackRecord:
    """Return what the ledger's scores add up to, beside the random walk on the same rows."""
    name = normalise(symbol) if symbol else None
    with services.database.read() as db:
        return track_record(db, symbol=name, model=model, days=days)
