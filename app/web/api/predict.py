"""GET and POST /predict: the next session's forecast, of one symbol or of a thousand."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

from fastapi import APIRouter, Query

from app.core.errors import NextcloseError, TooManySymbols, UnknownSymbol
from app.forecasts.forecast import Forecast
from app.prices.symbols import normalise, stock
from app.web.api.schemas import MAX_SYMBOLS, Prediction, Predictions, PredictRequest, SymbolError
from app.web.edge.deps import Services, ServicesDep
from app.web.edge.lookups import AT_ONCE, look_up

MAX_LOOKUPS = AT_ONCE
"""How many unknown symbols one request may have looked up; a list of guesses isn't passed on to the source."""

Answer = Forecast | NextcloseError

router = APIRouter(tags=["forecasts"])


@router.get("/predict/{symbol}")
def predict(symbol: str, services: ServicesDep) -> Prediction:
    """Forecast the first session after the symbol's last final bar.

    An unknown symbol is looked up at the price source within a time limit, stored and forecast.
    """
    made = forecast_of(services, stock(symbol))
    return Prediction.of_newest(made, services.forecaster.freshness(made))


@router.get("/predict")
def predict_by_query(symbol: Annotated[str, Query(examples=["AAPL"])], services: ServicesDep) -> Prediction:
    """Forecast one symbol that is named in the query."""
    return predict(symbol, services)


@router.post("/predict")
def predict_many(wanted: PredictRequest, services: ServicesDep) -> Predictions:
    """Forecast up to 1,000 symbols; the order is kept, and a bad one never fails the rest."""
    if len(wanted.symbols) > MAX_SYMBOLS:
        raise TooManySymbols(f"{len(wanted.symbols):,} symbols were asked for; one request answers {MAX_SYMBOLS:,}")
    asked = list(zip(wanted.symbols, forecasts_of(services, wanted.symbols), strict=True))
    return Predictions(
        predictions=[
            Prediction.of_newest(answer, services.forecaster.freshness(answer))
            for _, answer in asked
            if isinstance(answer, Forecast)
        ],
        errors=[
            SymbolError(symbol=text[:40], code=answer.code, detail=answer.detail)
            for text, answer in asked
            if isinstance(answer, NextcloseError)
        ],
    )


def forecast_of(services: Services, symbol: str) -> Forecast:
    """Return a symbol's forecast; where the store doesn't know it, the source is asked first."""
    try:
        return services.forecaster.latest(symbol)
    except UnknownSymbol:
        look_up(services, symbol)
        return services.forecaster.latest(symbol)


def forecasts_of(services: Services, texts: Sequence[str]) -> list[Answer]:
    """Return a forecast or an error for each text, in order."""
    found = services.forecaster.latest_many(texts)
    unknown = [normalise(text) for text, one in zip(texts, found, strict=True) if isinstance(one, UnknownSymbol)]
    if not unknown:
        return found
    looked_up = _looked_up(services, list(dict.fromkeys(unknown)))
    pairs = zip(texts, found, strict=True)
    return [looked_up[normalise(text)] if isinstance(one, UnknownSymbol) else one for text, one in pairs]


def _looked_up(services: Services, symbols: Sequence[str]) -> dict[str, Answer]:
    """Ask the source for the first few symbols at once; the rest are told to be asked for alone."""
    tried = symbols[:MAX_LOOKUPS]
    refused: Answer = UnknownSymbol(f"not stored, and one request looks up {MAX_LOOKUPS} at most: ask for it alone")
    with ThreadPoolExecutor(max_workers=len(tried), thread_name_prefix="lookup") as pool:
        misses = dict(zip(tried, pool.map(lambda symbol: _miss(services, symbol), tried), strict=True))
    new = [symbol for symbol, miss in misses.items() if miss is None]
    found = dict(zip(new, services.forecaster.latest_many(new), strict=True))
    return {symbol: misses.get(symbol) or found.get(symbol) or refused for symbol in symbols}


def _miss(services: Services, symbol: str) -> NextcloseError | None:
    """Look a symbol up and store it; return the error when that failed."""
    try:
        look_up(services, symbol)
    except NextcloseError as error:
        return error
    return None
