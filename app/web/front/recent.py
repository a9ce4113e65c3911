"""Recent answers: pages and lists are sent again as they were, while they still are what would be sent.

A page is a function of the store, the champion, the clock's last final sessions, and what the request says. So it is
kept until anything is committed, the pointer moves or a bar becomes final, and `KEPT_S` at the longest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from time import monotonic, perf_counter

from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.clock import calendar
from app.core.errors import StoreUnavailable
from app.prices import store
from app.web.api.health import Metrics
from app.web.edge import security
from app.web.edge.deps import Services

KEPT_S = 2.0
"""What no commit shows (a version's folder that was removed by hand) is seen after so long."""
MOST_BYTES = 16 << 20
"""Of all that is kept; addresses are without number."""

_PATHS = (
    "/stocks/", "/embed/", "/data", "/monitoring", "/jobs", "/models", "/track-record", "/search", "/events",
    "/screener", "/api/symbols", "/api/prices/", "/api/indicators/", "/api/forecasts", "/api/screener",
    "/api/track-record", "/api/models",
)  # fmt: skip
_SAID = (b"host", b"hx-request", b"hx-request-type", b"hx-target")

Window = tuple[datetime, datetime]


@dataclass(frozen=True)
class Kept:
    """An answer as it was sent; true while the clock is in the window, and before `expires`."""

    start: Message
    body: Message
    route: str
    window: Window
    expires: float


class Recent:
    """Sends again what it has seen; one per process, on its event loop."""

    def __init__(self, app: ASGIApp, service: FastAPI, services: Services, metrics: Metrics) -> None:
        """Stand before an app; `service` is it as its routes know it."""
        self._app = app
        self._service = service
        self._services = services
        self._metrics = metrics
        self._state: object = None
        self._window: Window | None = None
        self._kept: dict[object, Kept] = {}
        self._bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as before, or pass on and keep what is answered."""
        if scope.get("method") != "GET" or not (scope["path"] == "/" or scope["path"].startswith(_PATHS)):
            await self._app(scope, receive, send)
            return
        begun, state, key = perf_counter(), self._look(), self._key(scope)
        kept = self._kept.get(key)
        if kept is not None and state is not None and self._covers(kept.window) and monotonic() < kept.expires:
            await send(kept.start)
            await send(kept.body)
            self._metrics.count("GET", kept.route, kept.start["status"], perf_counter() - begun)
            return
        sent: list[Message] = []

        async def note(message: Message) -> None:
            sent.append(message)
            await send(message)

        await self._app(scope, receive, note)
        await self._keep(scope, state, key, sent)

    def _look(self) -> object:
        """Return what differs after every commit and promotion, and forget what was kept before it; None if unknown."""
        try:
            state = (self._services.database.commits.count(), self._services.champion.state())
        except StoreUnavailable:
            return None
        if state != self._state:
            self._state, self._window = state, None
            self._forget()
        return state

    def _forget(self) -> None:
        self._kept.clear()
        self._bytes = 0

    def _key(self, scope: Scope) -> object:
        said = [(name, value) for name, value in scope["headers"] if name in _SAID]
        packed = any(name == b"accept-encoding" and b"gzip" in value for name, value in scope["headers"])
        standing = security.standing(Request({**scope, "app": self._service}))
        return scope["path"], scope["query_string"], scope["scheme"], tuple(said), packed, standing

    def _covers(self, window: Window) -> bool:
        return window[0] <= self._services.clock.now() < window[1]

    async def _keep(self, scope: Scope, state: object, key: object, sent: list[Message]) -> None:
        """Keep a whole and small answer, if nothing was committed while it was made."""
        if len(sent) != 2 or sent[0]["status"] != 200 or len(sent[1]["body"]) > MOST_BYTES // 16:  # noqa: PLR2004 - start, body
            return
        expires = monotonic() + KEPT_S
        if self._window is None or not self._covers(self._window):
            try:
                self._window = await run_in_threadpool(self._final_window)
            except StoreUnavailable:
                return
        if state is None or state != self._look() or self._window is None:
            return
        if self._bytes + len(sent[1]["body"]) > MOST_BYTES:
            self._forget()
        self._bytes += len(sent[1]["body"])
        route = getattr(scope.get("route"), "path", "unknown")
        self._kept[key] = Kept(sent[0], sent[1], route, self._window, expires)

    def _final_window(self) -> Window:
        """Return the stretch around this instant in which no exchange's bar becomes final."""
        with self._services.database.read() as db:
            codes = store.codes(db)
        now = self._services.clock.now()
        windows = [calendar(code).final_window(now) for code in codes] or [calendar().final_window(now)]
        return max(since for since, _ in windows), min(until for _, until in windows)
