"""Who is let in, ahead of all else: under the names that this service goes by, and no more often than its share.

A client's share is a token bucket: `rate` requests a second, ten seconds' worth of them at once. One instant per client
says all of it: when its bucket will be full again (the generic cell rate algorithm, ITU-T I.371).
"""

from __future__ import annotations

import math
from functools import cache, lru_cache
from ipaddress import IPv6Address, IPv6Network
from time import monotonic
from urllib.parse import quote

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.core.errors import NextcloseError, RateLimited, UnknownHost
from app.core.public import counted
from app.core.settings import Settings
from app.web.api.health import Metrics
from app.web.edge import errors, security, static

USUAL_RATE = 100.0
"""Requests a second of a client elsewhere, where the setting says nothing; our own machine isn't limited then."""
AT_ONCE_S = 10.0
MOST_CLIENTS = 20_000
"""Of those beyond, the one known longest is forgotten, and starts anew: some megabytes, however many come."""
_ASCII = bytes(range(128))


class Gate:
    """Refuses at once, or passes on; one per process, on its event loop."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        """Stand before an app."""
        self._app = app
        self._metrics = metrics
        self._rate = USUAL_RATE if settings.rate_limit is None else settings.rate_limit
        self._spares_local = settings.rate_limit is None
        self._hosts = settings.trusted_hosts
        self._full_at: dict[str, float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or say why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if not scope["query_string"].isascii():  # which no address is, but curl sends what was typed
            scope = {**scope, "query_string": quote(scope["query_string"], safe=_ASCII).encode()}
        refusal = self._refusal(scope)
        if refusal is not None:
            self._metrics.count(scope["method"], "unknown", refusal.status, 0.0)
            await security.with_headers(errors.respond(Request(scope), refusal))(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> NextcloseError | None:
        if self._hosts and not _is_known(_host(scope), self._hosts):
            return UnknownHost("this service doesn't go by that name: NEXTCLOSE_TRUSTED_HOSTS lists those it has")
        client = self._limited(scope)
        if client is None:
            return None
        wait_s = self._take(client, 1 / self._rate)
        if wait_s <= 0 or _address(scope) in _style():
            return None
        pause_s = math.ceil(wait_s)
        said = f"more than {counted(self._rate, 'request')} a second: ask again in {pause_s} s"
        return RateLimited(said, retry_after_s=pause_s)

    def _limited(self, scope: Scope) -> str | None:
        """Return whose share a request takes from; None where there is no limit."""
        client = scope.get("client")
        if client is None or self._rate <= 0 or (self._spares_local and _is_local(client[0])):
            return None
        return _owner(client[0])

    def _take(self, client: str, cost_s: float) -> float:
        """Take from a client's share; return 0, or how many seconds are missing where nothing was taken."""
        now = monotonic()
        full_at = max(self._full_at.get(client, now), now)
        missing_s = full_at + cost_s - now - AT_ONCE_S
        if missing_s > 0:
            return missing_s
        if client not in self._full_at and len(self._full_at) >= MOST_CLIENTS:
            del self._full_at[next(iter(self._full_at))]
        self._full_at[client] = full_at + cost_s
        return 0.0


@cache
def _style() -> frozenset[str]:
    """Return the addresses, by hash, of what gives a refusal's page its look: small, and answered from memory."""
    return frozenset(static.url(name) for name in ("app.css", "reader.js"))


def _address(scope: Scope) -> str:
    return f"{scope['path']}?{scope['query_string'].decode('latin-1')}"


def _host(scope: Scope) -> bytes:
    return next((value for name, value in scope["headers"] if name == b"host"), b"")


@lru_cache(maxsize=1024)
def _is_known(host: bytes, known: tuple[str, ...]) -> bool:
    """Say whether a Host header names us; this machine's own names always do, for a health check uses them."""
    text = host.decode("latin-1").lower()
    name = text.rsplit(":", 1)[0] if text.rpartition(":")[2].isdigit() else text
    return security.is_loopback(text) or any(
        one in {name, "*"} or (one.startswith("*.") and name.endswith(one[1:])) for one in known
    )


@lru_cache(maxsize=1024)
def _is_local(address: str) -> bool:
    return security.is_loopback(address)


@lru_cache(maxsize=1024)
def _owner(address: str) -> str:
    """Return the address, of IPv6 its /64: who has one address of such a network has all."""
    if ":" not in address:
        return address
    try:
        found = IPv6Address(address)
        return str(found.ipv4_mapped or IPv6Network((int(found), 64), strict=False))
    except ValueError:
        return address
