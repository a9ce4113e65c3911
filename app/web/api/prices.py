"""/api: what is stored of symbols and prices, with its source and age, and the watchlist."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic_core import to_json
from starlette.responses import Response

from app.core.errors import BadInput, UnknownSymbol
from app.core.public import all_rounded
from app.features.overlay import overlay
from app.prices import store
from app.prices.checks import quarantine
from app.prices.store import SymbolStatus
from app.prices.symbols import normalise, stock
from app.web.api import schemas
from app.web.api.inputs import End, Entry, Start, Stock, Symbol
from app.web.edge import csv
from app.web.edge.deps import Services, ServicesDep
from app.web.edge.lookups import look_up
from app.web.edge.security import Admin
from app.web.predictions.schemas import Schema

router = APIRouter(prefix="/api")


@router.get("/symbols", tags=["prices"], response_model=schemas.Symbols, responses=csv.OFFERED)
def symbols(services: ServicesDep, shape: csv.Format = "json") -> Response:
    """List every stored symbol: the watchlist in its order, then the others by name."""
    found = schemas.Symbols(symbols=list(services.stored.all()))
    return csv.table(found, "symbols", "symbols") if shape == "csv" else written(found)


@router.get("/quarantine", tags=["prices"], response_model=schemas.Quarantine, responses=csv.OFFERED)
def held(services: ServicesDep, shape: csv.Format = "json") -> schemas.Quarantine | Response:
    """List the bars that failed a check, with the reason and what was decided on them; newest session first."""
    with services.database.read() as db:
        found = schemas.Quarantine(bars=[schemas.HeldBar.of(row) for row in quarantine.listing(db, None)])
    return csv.table(found, "bars", "quarantine") if shape == "csv" else found


@router.post("/quarantine/{number}/{decision}", tags=["changes"], dependencies=[Admin])
def decide(
    number: Entry,
    decision: Literal["release", "drop"],
    services: ServicesDep,
) -> schemas.HeldBar:
    """Store a bar in quarantine all the same, or keep it out for good."""
    with services.database.write() as db:
        (quarantine.release if decision == "release" else quarantine.drop)(db, [number], services.clock.now())
        return schemas.HeldBar.of(quarantine.get(db, number))


@router.get("/prices/{symbol}", tags=["prices"], response_model=schemas.Prices, responses=csv.OFFERED)
def prices(
    symbol: Symbol,
    services: ServicesDep,
    start: Start = None,
    end: End = None,
    shape: csv.Format = "json",
) -> Response:
    """Return a symbol's stored final bars in [start, end], oldest first."""
    name = normalise(symbol)
    in_order(start, end)
    with services.database.read() as db:
        status, (names, bars) = store.status(db, name), store.bar_rows(db, name, start, end)
    rows = _rounded(names, zip(*bars, strict=True)) if bars else []
    if shape == "csv":
        return csv.answer(rows, names, f"{status.symbol}-prices")
    head = schemas.Prices.of(status, sessions_behind=services.sessions_behind(status), bars=[])
    # Bars by the thousand are written as they are: the schema's checks and rounding, field by field, take their time.
    return Response(to_json(head.model_dump(mode="json") | {"bars": rows}), media_type="application/json")


@router.get("/indicators/{symbol}", tags=["prices"], response_model=schemas.Indicators, responses=csv.OFFERED)
def indicators(
    symbol: Symbol,
    services: ServicesDep,
    start: Start = None,
    end: End = None,
    shape: csv.Format = "json",
) -> Response:
    """Return a symbol's technical indicators in [start, end], computed from all bars before."""
    name = normalise(symbol)
    in_order(start, end)
    with services.database.read() as db:
        status, bars = store.status(db, name), store.history(db, name, end=end)
    drawn = overlay(bars)
    drawn = drawn.filter(drawn["session"] >= start) if start else drawn
    _, session, *names = drawn.columns
    rows = _rounded((session, *names), (drawn[name].to_list() for name in (session, *names)))
    if shape == "csv":
        return csv.answer(rows, ("session", *names), f"{status.symbol}-indicators")
    return written(schemas.Indicators.of(status, columns=names, rows=rows))


@router.get("/changes/{symbol}", tags=["prices"], response_model=schemas.Changes, responses=csv.OFFERED)
def changes(
    symbol: Symbol,
    services: ServicesDep,
    shape: csv.Format = "json",
    table: Annotated[
        Literal["actions", "revisions", "held"], Query(description="Which of its tables, as CSV")
    ] = "actions",
) -> schemas.Changes | Response:
    """Return a symbol's splits and dividends, which stored bars later fetches changed, and which failed a check."""
    _, found = changes_of(services, normalise(symbol))
    return csv.table(found, table, f"{found.symbol}-{table}") if shape == "csv" else found


def changes_of(services: Services, symbol: str) -> tuple[SymbolStatus, schemas.Changes]:
    """Return what is known of a stored symbol, and what became of its prices."""
    with services.database.read() as db:
        status, held = store.status(db, symbol), quarantine.listing(db, None, store.MOST_CHANGES, symbol)
        return status, schemas.Changes.of(
            status,
            actions=store.actions(db, symbol),
            revisions=store.revisions(db, symbol),
            held=[schemas.HeldBar.of(row) for row in held],
        )


def written(said: Schema) -> Response:
    """Write a long answer in the route's thread: FastAPI would on the event loop, where all others wait for it."""
    return Response(said.model_dump_json(), media_type="application/json")


def _rounded(names: Sequence[str], columns: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """Return rows with their floats as JSON gets prices; of the columns only sessions and volumes hold none."""
    shown = [
        one if name in {"session", "volume"} else all_rounded(one) for name, one in zip(names, columns, strict=True)
    ]
    return [dict(zip(names, row, strict=True)) for row in zip(*shown, strict=True)]


def in_order(start: date | None, end: date | None) -> None:
    """Refuse a range that ends before it begins."""
    if start and end and start > end:
        raise BadInput(f"start {start} lies after end {end}")


@router.put("/watchlist/{symbol}", tags=["changes"], dependencies=[Admin])
def watch(symbol: Stock, services: ServicesDep) -> schemas.Watched:
    """Put a symbol on the watchlist; an unknown one is looked up at the source first."""
    name = stock(symbol)
    try:
        with services.database.read() as db:
            store.status(db, name)
    except UnknownSymbol:
        look_up(services, name)
    with services.database.write() as db:
        store.watch(db, [name], services.clock.now())
    return schemas.Watched(symbol=name, watched=True)


@router.delete("/watchlist/{symbol}", tags=["changes"], dependencies=[Admin])
def unwatch(symbol: Stock, services: ServicesDep) -> schemas.Watched:
    """Take a symbol off the watchlist; its prices and forecasts stay."""
    name = normalise(symbol)
    with services.database.write() as db:
        store.unwatch(db, [name])
    return schemas.Watched(symbol=name, watched=False)
