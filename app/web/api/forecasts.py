"""/api: the ledger and its score."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from app.forecasts.ledger import records
from app.forecasts.ledger.forecast import Origin
from app.forecasts.ledger.track_record import TrackRecord, track_record
from app.prices.symbols import normalise
from app.web.api import schemas
from app.web.api.inputs import Cursor, End, Model, Start, SymbolQuery
from app.web.edge.deps import ServicesDep
from app.web.predictions.schemas import LedgerEntry

router = APIRouter(prefix="/api", tags=["forecasts"])


@router.get("/forecasts")
def forecasts(
    services: ServicesDep,
    symbol: SymbolQuery = None,
    model: Model = None,
    start: Start = None,
    end: End = None,
    origin: Annotated[Origin | None, Query(description="Only live or only replayed ones")] = None,
    limit: Annotated[int, Query(ge=1, le=records.PAGE_LIMIT)] = 100,
    cursor: Cursor = None,
) -> schemas.Ledger:
    """Return forecasts as they were made, newest first, with their scores where the close is known.

    `start` and `end` bound the session that is forecast.
    """
    name = normalise(symbol) if symbol else None
    with services.database.read() as db:
        page = records.page(db, name, model, start, end, origin, limit, cursor)
    return schemas.Ledger(forecasts=[LedgerEntry.of_entry(entry) for entry in page.entries], cursor=page.cursor)


@router.get("/track-record")
def record(
    services: ServicesDep,
    symbol: SymbolQuery = None,
    model: Model = None,
    days: Annotated[int | None, Query(ge=1, le=36_500, description="Only the last so many calendar days")] = None,
    origin: Annotated[Origin, Query(description="Made before the close, or replayed; never both")] = "live",
) -> TrackRecord:
    """Return what the ledger's scores add up to, beside the random walk on the same rows."""
    name = normalise(symbol) if symbol else None
    with services.database.read() as db:
        return track_record(db, symbol=name, model=model, days=days, origin=origin)
