"""/api: the outlook of all symbols, the chance of a price, the ledger and its score."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.core.errors import NextcloseError
from app.forecasts.ledger import records
from app.forecasts.ledger.calibration import Calibration, calibration
from app.forecasts.ledger.forecast import PUBLIC, Origin
from app.forecasts.ledger.track_record import TrackRecord, settled, track_record
from app.forecasts.prediction.distribution import chance_above
from app.prices.symbols import normalise, stock
from app.web.api import schemas
from app.web.api.inputs import Cursor, End, Model, Start, Stock, SymbolQuery
from app.web.api.prices import written
from app.web.edge import csv
from app.web.edge.deps import ServicesDep
from app.web.predictions.answers import AnswersDep
from app.web.predictions.outlook import COLUMNS, answer_many
from app.web.predictions.record import whole
from app.web.predictions.schemas import COLUMNS as ENTRY_COLUMNS
from app.web.predictions.schemas import LedgerEntry
from app.web.predictions.screen import Screen

router = APIRouter(prefix="/api", tags=["forecasts"])


@router.get("/screener", response_model=schemas.Screened, responses=csv.OFFERED)
def screener(screen: Annotated[Screen, Query()], services: ServicesDep, answers: AnswersDep) -> Response:
    """Return how far each symbol may go next, beside how far it usually goes: filtered, sorted, page by page."""
    found, stored = screen.read(services, answers)
    if screen.format == "csv":
        return csv.answer((one.flat() for one in found), COLUMNS, "screener")
    rows = found[screen.offset : screen.offset + screen.limit]
    return written(schemas.Screened(rows=rows, found=len(found), stored=len(stored)))


@router.get("/chance/{symbol}")
def chance(
    symbol: Stock,
    answers: AnswersDep,
    above: Annotated[float, Query(gt=0, le=1e9, description="A price, in the symbol's currency")],
) -> schemas.Chance:
    """Return the probability that the next session closes above a price, under the symbol's newest forecast."""
    answer = answer_many(answers, [stock(symbol)])[0]
    if isinstance(answer, NextcloseError):
        raise answer
    made = answer.forecast
    probability = chance_above(made.quantiles, above)
    return schemas.Chance.of(made, prediction_id=made.id, above=above, probability=probability)


@router.get("/forecasts", response_model=schemas.Ledger, responses=csv.OFFERED)
def forecasts(  # noqa: PLR0913, PLR0917 - one for each parameter of the query
    request: Request,
    services: ServicesDep,
    symbol: SymbolQuery = None,
    model: Model = None,
    start: Start = None,
    end: End = None,
    origin: Annotated[Origin | None, Query(description="Only live or only replayed ones")] = None,
    limit: Annotated[int, Query(ge=1, le=records.PAGE_LIMIT)] = 100,
    cursor: Cursor = None,
    shape: csv.Format = "json",
) -> schemas.Ledger | Response:
    """Return forecasts as they were made, newest first, with their scores where the close is known.

    `start` and `end` bound the session that is forecast. As CSV, the header `Link` has the address of the next page.
    """
    name = normalise(symbol) if symbol else None
    with services.database.read() as db:
        page = records.page(db, name, model, start, end, origin, limit, cursor)
    entries = [LedgerEntry.of_entry(entry) for entry in page.entries]
    if shape == "json":
        return schemas.Ledger(forecasts=entries, cursor=page.cursor)
    answer = csv.answer((one.flat() for one in entries), ENTRY_COLUMNS, "forecasts")
    if page.cursor:
        following = urlencode({**request.query_params, "cursor": page.cursor})
        answer.headers["Link"] = f'<{request.url.path}?{following}>; rel="next"'
    return answer


@router.get("/track-record", response_model=TrackRecord, responses=csv.OFFERED)
def record(
    services: ServicesDep,
    symbol: SymbolQuery = None,
    model: Model = None,
    days: Annotated[int | None, Query(ge=1, le=36_500, description="Only the last so many calendar days")] = None,
    origin: Annotated[Origin, Query(description="Made before the close, or replayed; never both")] = "live",
    shape: csv.Format = "json",
) -> TrackRecord | Response:
    """Return what the ledger's scores add up to, beside the random walk on the same rows; as CSV, its coverage."""
    name = normalise(symbol) if symbol else None
    if origin in PUBLIC and (name, model, days) == (None, None, None):
        found = whole(services)[origin].record
    else:
        with services.database.read() as db:
            found = track_record(db, symbol=name, model=model, days=days, origin=origin)
    return csv.table(found, "coverage", f"coverage-{origin}") if shape == "csv" else found


@router.get("/calibration", response_model=Calibration, responses=csv.OFFERED)
def calibrated(
    services: ServicesDep,
    symbol: SymbolQuery = None,
    model: Model = None,
    origin: Annotated[Literal["live", "replay"], Query(description="Made before the close, or replayed")] = "live",
    shape: csv.Format = "json",
    table: Annotated[
        Literal["by_symbol", "by_model", "over_time", "reliability"], Query(description="Which of its lists, as CSV")
    ] = "by_symbol",
) -> Calibration | Response:
    """Return where closes fell in their distributions: promised and held, over time, by symbol and by model."""
    name = normalise(symbol) if symbol else None
    if (name, model) == (None, None):
        found = whole(services)[origin].calibration
    else:
        with services.database.read() as db:
            found = calibration(settled(db, name, model).filter(origin=origin))
    return csv.table(found, table, f"{table.replace('_', '-')}-{origin}") if shape == "csv" else found
