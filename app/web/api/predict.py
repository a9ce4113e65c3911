"""GET and POST /predict: the next session's forecast, of one symbol or of a thousand."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from app.core.errors import NextcloseError, NoChampion, TooManySymbols, UnknownSymbol
from app.prices.symbols import normalise, stock
from app.web.api.inputs import Stock, StockQuery
from app.web.edge.deps import Services, ServicesDep
from app.web.edge.lookups import AT_ONCE, look_up
from app.web.edge.security import GZIP_FROM_BYTES, GZIP_LEVEL
from app.web.predictions.answers import Answers, AnswersDep
from app.web.predictions.explainer import ExplainedPrediction, ExplainerDep
from app.web.predictions.outlook import answer_many
from app.web.predictions.schemas import MAX_SYMBOLS, Prediction, Predictions, PredictRequest, SymbolError
from app.web.predictions.snapshot import Answer

MAX_LOOKUPS = AT_ONCE
"""How many unknown symbols one request may have looked up; a list of guesses isn't passed on to the source."""

Found = Answer | NextcloseError

router = APIRouter(tags=["forecasts"])


Explain = Annotated[bool, Query(description="Add what drives the forecast: `drivers`, feature by feature")]


@router.get("/predict/{symbol}", response_model=Prediction | ExplainedPrediction)
def predict(
    symbol: Stock,
    request: Request,
    services: ServicesDep,
    answers: AnswersDep,
    explainer: ExplainerDep,
    explain: Explain = False,
) -> Response:
    """Forecast the first session after the symbol's last final bar.

    An unknown symbol is looked up at the price source within a time limit, stored and forecast. With `explain` the
    answer has `drivers`: contributions to the log of the expected move over the usual one, and to the return.
    """
    name = stock(symbol)
    answer = answer_many(answers, [name])[0]
    if isinstance(answer, UnknownSymbol):
        look_up(services, name)
        answer = answers.fill([name])[0]
    if isinstance(answer, NextcloseError):
        raise answer
    if explain:
        plain = Prediction.model_validate_json(answer.body).model_dump()
        body = ExplainedPrediction(**plain, drivers=explainer.drivers(answer))
        return Response(body.model_dump_json(), media_type="application/json")
    return answer.response(request.headers.get("if-none-match"))


@router.get("/predict", response_model=Prediction | ExplainedPrediction)
def predict_by_query(
    symbol: StockQuery,
    request: Request,
    services: ServicesDep,
    answers: AnswersDep,
    explainer: ExplainerDep,
    explain: Explain = False,
) -> Response:
    """Forecast one symbol that is named in the query."""
    return predict(symbol, request, services, answers, explainer, explain)


@router.post("/predict", response_model=Predictions)
async def predict_many(
    wanted: PredictRequest, request: Request, services: ServicesDep, answers: AnswersDep
) -> Response:
    """Forecast up to 1,000 symbols; the order is kept, and a bad one never fails the rest."""
    texts = wanted.symbols
    if len(texts) > MAX_SYMBOLS:
        raise TooManySymbols(f"{len(texts):,} symbols were asked for; one request answers {MAX_SYMBOLS:,}")
    ready = [one for one in answers.ready_many(texts) if one]
    found = ready if len(ready) == len(texts) else await run_in_threadpool(_found, services, answers, texts)
    key = (tuple(texts), tuple(found))
    body, headers = _body(*key), {"Vary": "Accept-Encoding"}
    if len(body) >= GZIP_FROM_BYTES and "gzip" in request.headers.get("accept-encoding", ""):
        body, headers["Content-Encoding"] = _packed(*key), "gzip"
    return Response(body, media_type="application/json", headers=headers)


@lru_cache(maxsize=16)
def _body(texts: tuple[str, ...], found: tuple[Found, ...]) -> bytes:
    """Join the answers; the same list of the same answers is joined, and packed, once."""
    predictions = b",".join(one.body for one in found if isinstance(one, Answer))
    errors = b",".join(
        SymbolError(symbol=_shown(text), code=one.code, detail=one.detail).model_dump_json().encode()
        for text, one in zip(texts, found, strict=True)
        if isinstance(one, NextcloseError)
    )
    return b'{"predictions":[%b],"errors":[%b]}' % (predictions, errors)


def _shown(text: str) -> str:
    """Return what was asked for as it can be sent back: not too long, a lone half of a UTF-16 pair as a mark."""
    return text[:40].encode(errors="replace").decode()


@lru_cache(maxsize=16)
def _packed(texts: tuple[str, ...], found: tuple[Found, ...]) -> bytes:
    return gzip.compress(_body(texts, found), GZIP_LEVEL, mtime=0)


def _found(services: Services, answers: Answers, texts: Sequence[str]) -> list[Found]:
    """Return an answer or an error for each text, in order; what isn't ready is forecast, and looked up if need be."""
    ready = {text: one for text, one in zip(texts, answers.ready_many(texts), strict=True) if one}
    asked = [text for text in dict.fromkeys(texts) if text not in ready]
    try:
        found = dict(zip(asked, answers.fill(asked), strict=True))
    except NoChampion:
        if not ready:
            raise
        found = dict(zip(texts, answers.fill(texts), strict=True))
    unknown = {text: normalise(text) for text, one in found.items() if isinstance(one, UnknownSymbol)}
    if unknown:
        looked_up = _looked_up(services, answers, list(dict.fromkeys(unknown.values())))
        found |= {text: looked_up[symbol] for text, symbol in unknown.items()}
    return [ready.get(text) or found[text] for text in texts]


def _looked_up(services: Services, answers: Answers, symbols: Sequence[str]) -> dict[str, Found]:
    """Ask the source for the first few symbols at once; the rest have to be asked for alone."""
    tried = symbols[:MAX_LOOKUPS]
    refused: Found = UnknownSymbol(f"not stored, and one request looks up {MAX_LOOKUPS} at most: ask for it alone")
    with ThreadPoolExecutor(max_workers=len(tried), thread_name_prefix="lookup") as pool:
        misses = dict(zip(tried, pool.map(lambda symbol: _miss(services, symbol), tried), strict=True))
    new = [symbol for symbol, miss in misses.items() if miss is None]
    found = dict(zip(new, answers.fill(new), strict=True))
    return {symbol: misses.get(symbol) or found.get(symbol) or refused for symbol in symbols}


def _miss(services: Services, symbol: str) -> NextcloseError | None:
    """Look a symbol up and store it; return the error when that failed."""
    try:
        look_up(services, symbol)
    except NextcloseError as error:
        return error
    return None
