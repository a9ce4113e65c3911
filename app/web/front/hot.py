"""The layer ahead of all others: ready answers leave at once, the rest goes through, as much of it as can be borne.

Ready forecasts are sent as bytes, with the headers that the route would send, counted as the route would count them. A
symbol that isn't ready is asked for once, however many ask. HEAD is GET without the body. Past `MAX_BUSY` requests are
refused at once: a queue that only grows answers nobody.
"""

from __future__ import annotations

import asyncio
import gzip
from functools import lru_cache, partial
from http import HTTPStatus
from time import perf_counter

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.errors import Overloaded
from app.web.api.health import Metrics
from app.web.edge import errors, security
from app.web.edge.negotiation import asks_for_stream, is_held
from app.web.predictions.answers import Answers
from app.web.predictions.snapshot import Answer, Snapshot

MAX_BUSY = 256
"""So many requests may be in work or wait for a thread; each of the 40 threads answers some hundred a second."""
_PATH = "/predict/"
_QUERY = b"symbol="
_UNBOUNDED = ("/healthz", "/static/")
"""Whether the process answers is a question for busy times, and its refusal is a page; streams bound themselves."""


class Hot:
    """Answers what is ready; one per process, on its event loop."""

    def __init__(self, app: ASGIApp, answers: Answers, metrics: Metrics) -> None:
        """Stand before an app that answers the rest."""
        self._app = app
        self._answers = answers
        self._metrics = metrics
        self._asked: dict[str, asyncio.Event] = {}
        self._seen: Snapshot | None = None
        self._busy = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer at once or pass on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = perf_counter()
        symbol, route = _symbol(scope)
        answer = self._answers.ready(symbol, self._look()) if symbol else None
        if answer is None and symbol in self._asked:
            await self._asked[symbol].wait()
            answer = self._answers.ready(symbol)
        if answer is None:
            await self._pass(symbol, scope, receive, send)
            return
        start, body = _reply(answer, scope)
        await send(start)
        await send(body)
        self._metrics.count(scope["method"], route, start["status"], perf_counter() - begun)

    def _look(self) -> Snapshot:
        """Look once a turn of the event loop: what is answered in one turn had all arrived when the turn began.

        A look gives up the interpreter's lock twice, and may wait for it while another thread works.
        """
        if self._seen is None:
            self._seen = self._answers.snapshot()
            asyncio.get_running_loop().call_soon(self._forget)
        return self._seen

    def _forget(self) -> None:
        self._seen = None

    async def _pass(self, symbol: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; while a known symbol is being answered, whoever else asks for it waits for that."""
        if symbol not in self._answers.snapshot().versions or symbol in self._asked:
            await self._bounded(scope, receive, send)
            return
        self._asked[symbol] = asyncio.Event()
        try:
            await self._bounded(scope, receive, send)
        finally:
            self._asked.pop(symbol).set()

    async def _bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith(_UNBOUNDED) or asks_for_stream(scope):
            await self._app(scope, receive, send)
            return
        if self._busy >= MAX_BUSY:
            self._metrics.count(scope["method"], "unknown", HTTPStatus.SERVICE_UNAVAILABLE, 0.0)
            await _refuse(scope, receive, send)
            return
        self._busy += 1
        try:
            if scope["method"] == "HEAD":
                scope, send = {**scope, "method": "GET"}, partial(_without_body, send)
            await self._app(scope, receive, send)
        finally:
            self._busy -= 1


def _symbol(scope: Scope) -> tuple[str, str]:
    """Return the symbol that a request asks for and its route; empty where it isn't in the usual form."""
    path, query = scope["path"], scope["query_string"]
    if scope["method"] not in {"GET", "HEAD"}:
        return "", ""
    if path.startswith(_PATH) and not query:
        return path.removeprefix(_PATH).upper(), "/predict/{symbol}"
    if path == "/predict" and query.startswith(_QUERY):
        return query.removeprefix(_QUERY).decode("latin-1").upper(), "/predict"
    return "", ""


def _reply(answer: Answer, scope: Scope) -> tuple[Message, Message]:
    """Return the two messages that answer a request: the bytes, packed where that pays, or that they are held."""
    packed, held = False, None
    for name, value in scope["headers"]:
        if name == b"accept-encoding":
            packed = b"gzip" in value
        elif name == b"if-none-match":
            held = value.decode("latin-1")
    if is_held(answer.etag, held):
        return _messages(answer, packed=False, status=HTTPStatus.NOT_MODIFIED)
    start, body = _messages(answer, packed=packed and len(answer.body) >= security.GZIP_FROM_BYTES)
    return (start, _NOTHING) if scope["method"] == "HEAD" else (start, body)


_NOTHING: Message = {"type": "http.response.body", "body": b""}


@lru_cache(maxsize=4096)
def _messages(answer: Answer, *, packed: bool, status: int = HTTPStatus.OK) -> tuple[Message, Message]:
    """Build an answer's messages, once."""
    response = answer.response(None if status == HTTPStatus.OK else answer.etag)
    if packed:
        response.body = gzip.compress(answer.body, security.GZIP_LEVEL, mtime=0)
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Content-Length"] = str(len(response.body))
    start = {
        "type": "http.response.start",
        "status": int(status),
        "headers": security.with_headers(response).raw_headers,
    }
    return start, {"type": "http.response.body", "body": response.body}


async def _without_body(send: Send, message: Message) -> None:
    await send({**message, "body": b""} if message["type"] == "http.response.body" else message)


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    error = Overloaded(f"{MAX_BUSY} requests are being answered already: ask again in a second")
    response = errors.respond(Request(scope), error)
    await security.with_headers(response)(scope, receive, send)
