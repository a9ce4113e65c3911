"""/api: what is stored of symbols and prices, with its source and age, and the watchlist."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Query

from app.core.clock import calendar
from app.core.errors import BadInput, UnknownSymbol
from app.features.overlay import overlay
from app.prices import store
from app.prices.store import SymbolStatus
from app.prices.symbols import normalise
from app.web.api import schemas
from app.web.edge.deps import Parts, Services
from app.web.edge.lookups import look_up
from app.web.edge.security import Admin

WARM_UP = 200
"""Bars before the first one asked for, so that its indicators have their full window."""

router = APIRouter(prefix="/api")

Symbol = Annotated[str, Path(examples=["AAPL"])]
Start = Annotated[date | None, Query(description="First session, as 2021-12-31")]
End = Annotated[date | None, Query(description="Last session")]


@router.get("/symbols", tags=["prices"])
def symbols(parts: Parts) -> schemas.Symbols:
    """List every stored symbol: the watchlist in its order, then the others by name."""
    with parts.database.read() as db:
        found = store.statuses(db)
    return schemas.Symbols(symbols=[schemas.SymbolInfo.model_validate(status) for status in found])


@router.get("/prices/{symbol}", tags=["prices"])
def prices(symbol: Symbol, parts: Parts, start: Start = None, end: End = None) -> schemas.Prices:
    """Return a symbol's stored final bars in [start, end], oldest first."""
    name = normalise(symbol)
    _in_order(start, end)
    with parts.database.read() as db:
        status = store.status(db, name)
        bars = store.history(db, name, start=start, end=end)
    return schemas.Prices(
        symbol=name,
        source=status.source,
        fetched_at=status.fetched_at,
        sessions_behind=sessions_behind(parts, status),
        bars=[schemas.Bar(**row) for row in bars.drop("symbol").iter_rows(named=True)],
    )


@router.get("/indicators/{symbol}", tags=["prices"])
def indicators(symbol: Symbol, parts: Parts, start: Start = None, end: End = None) -> schemas.Indicators:
    """Return a symbol's technical indicators in [start, end], computed from all bars before."""
    name = normalise(symbol)
    _in_order(start, end)
    with parts.database.read() as db:
        status = store.status(db, name)
        bars = store.history(db, name, end=end)
    drawn = overlay(bars)
    drawn = drawn.filter(drawn["session"] >= start) if start else drawn
    names = [column for column in drawn.columns if column not in {"symbol", "session"}]
    return schemas.Indicators(
        symbol=name,
        source=status.source,
        fetched_at=status.fetched_at,
        columns=names,
        rows=list(drawn.drop("symbol").iter_rows(named=True)),
    )


def _in_order(start: date | None, end: date | None) -> None:
    if start and end and start > end:
        raise BadInput(f"start {start} lies after end {end}")


def sessions_behind(parts: Services, status: SymbolStatus) -> int | None:
    """Count the final sessions since the symbol's newest bar; None where it has none."""
    if status.last is None:
        return None
    return calendar(status.exchange).sessions_behind(status.last, parts.clock.now())


@router.put("/watchlist/{symbol}", tags=["changes"], dependencies=[Admin])
def watch(symbol: Symbol, parts: Parts) -> schemas.Watched:
    """Put a symbol on the watchlist; an unknown one is looked up at the source first."""
    name = normalise(symbol)
    put_on_watchlist(parts, name)
    return schemas.Watched(symbol=name, watched=True)


@router.delete("/watchlist/{symbol}", tags=["changes"], dependencies=[Admin])
def unwatch(symbol: Symbol, parts: Parts) -> schemas.Watched:
    """Take a symbol off the watchlist; its prices and forecasts stay."""
    name = normalise(symbol)
    with parts.database.write() as db:
        store.unwatch(db, [name])
    return schemas.Watched(symbol=name, watched=False)


def put_on_watchlist(parts: Services, symbol: str) -> None:
    """Watch a symbol that the store knows or the source finds; a typing error never gets on the list."""
    try:
        with parts.database.read() as db:
            store.status(db, symbol)
    except UnknownSymbol:
        look_up(parts, symbol)
    with parts.database.write() as db:
        store.watch(db, [symbol], parts.clock.now())
