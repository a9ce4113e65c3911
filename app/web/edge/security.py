"""Who may change state, and what a browser may do with our pages.

A configured token is asked for as a bearer, or for a page's form as the cookie of whoever signed in with it. Without
one, changes are allowed to this machine only: the server must have been started on a loopback address, the request must
come from one and name one as its host (a rebound DNS name doesn't), nothing may have forwarded it, and a browser must
have sent it from our own page.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from http import HTTPStatus
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

from fastapi import Depends, FastAPI, Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core import clock
from app.core.errors import Forbidden, RateLimited, Unauthorized
from app.core.settings import Settings
from app.web.edge import login

MAX_BODY_BYTES = 256 * 1024
"""Room for 1,000 symbols several times over; more is refused while it arrives."""

BODY_S = 20.0
"""Each request in work is one of few: who sends a body byte by byte must not keep its place."""
_DIGITS = len(str(MAX_BODY_BYTES))
GZIP_FROM_BYTES = 1024
GZIP_LEVEL = 1
"""Half the time of level 5 for a seventh more bytes: 2.2 instead of 4.8 ms for the forecasts of 500 symbols."""

_SOURCES = {
    "default-src": "'self'",
    # plotly.js appends an empty style element (that is the hash of nothing) and fills it by rules
    "style-src": "'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
    "style-src-attr": "'unsafe-inline'",  # plotly.js sets style attributes on what it draws
    "img-src": "'self' data:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
POLICY = "; ".join(f"{what} {source}" for what, source in _SOURCES.items())
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


class SecurityHeaders:
    """Adds the headers to every answer that doesn't bring its own; a bare ASGI layer, for it is on every request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and complete the answer's headers; no other kind of scope starts an answer."""

        async def complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                _complete(MutableHeaders(scope=message))
            await send(message)

        await self._app(scope, receive, complete)


class BodyLimit:
    """Stops reading a body that is too large, by its announced length or while it arrives, or too slow: 413 and 408."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a receiver that counts; what comes with a GET is read by nobody."""
        if scope["type"] != "http" or scope["method"] == "GET":  # a stream only looks whether its client has left
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        read, ends_at, is_whole = 0, asyncio.get_running_loop().time() + BODY_S, False

        async def counted() -> Message:
            nonlocal read, is_whole
            try:
                async with asyncio.timeout_at(None if is_whole else ends_at):  # what comes then is that the client left
                    message = await receive()
            except TimeoutError:
                raise HTTPException(HTTPStatus.REQUEST_TIMEOUT) from None
            read += len(message.get("body", b""))
            is_whole = not message.get("more_body", False)
            if read > MAX_BODY_BYTES or _exceeds(announced):
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        await self._app(scope, counted, send)


def _exceeds(announced: str) -> bool:
    """Say whether a Content-Length is larger than a body may be; one that is no number says nothing."""
    digits = announced.lstrip("0")
    return digits.isascii() and digits.isdigit() and (len(digits) > _DIGITS or int(digits) > MAX_BODY_BYTES)


def install(app: FastAPI, settings: Settings, bind_host: str | None = None) -> None:
    """Bound bodies, add the headers, keep what decides on changes; an unknown `bind_host` counts as not loopback."""
    app.add_middleware(BodyLimit)
    app.add_middleware(GZipMiddleware, minimum_size=GZIP_FROM_BYTES, compresslevel=GZIP_LEVEL)
    app.add_middleware(SecurityHeaders)
    app.state.admin_token = settings.admin_token
    app.state.attempts = login.Attempts()
    app.state.bind_host = bind_host


def is_loopback(host: str | None) -> bool:
    """Say whether an address or a host name (port allowed) is this machine only."""
    if not host:
        return False
    try:
        name = urlsplit(f"//{host}").hostname if host.count(":") < _COLONS_OF_IPV6 or host.startswith("[") else host
        return name == "localhost" or ip_address(name or "").is_loopback
    except ValueError:  # neither a name of this machine nor any address
        return False


_COLONS_OF_IPV6 = 2


def is_local(request: Request) -> bool:
    """Say whether the request stays on this machine: bound, sent and addressed to loopback, forwarded by nothing."""
    return (
        is_loopback(request.app.state.bind_host)
        and is_loopback(request.client.host if request.client else None)
        and is_loopback(request.headers.get("host"))
        and not any(name in request.headers for name in _FORWARDED)
    )


def signed_in_until(request: Request) -> datetime | None:
    """Return until when this browser is signed in; None where it isn't."""
    token, value = request.app.state.admin_token, request.cookies.get(login.COOKIE)
    return login.until(token, value, clock.wall()) if token and value else None


Standing = Literal["open", "signed in", "guest"]


def standing(request: Request) -> Standing:
    """Say whether this browser can use the pages' buttons: without a token on this machine, or signed in."""
    if request.app.state.admin_token is None:
        return "open" if is_local(request) else "guest"
    return "signed in" if signed_in_until(request) else "guest"


def refuse_cross_site(headers: Headers) -> None:
    """Raise `Forbidden` for what a browser sends on another site's behalf."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site not in {"same-origin", "none"}:
        raise Forbidden("this request came from another site; use the service's own page")
    if origin is not None and origin.partition("://")[2].lower() != headers.get("host", "").lower():
        raise Forbidden(f"this request came from {origin}; use the service's own page")


def require_admin(request: Request) -> None:
    """Let a change pass, or raise `Unauthorized`, `Forbidden` or, after too many wrong tokens, `RateLimited`."""
    refuse_cross_site(request.headers)
    if request.app.state.admin_token is None:
        if not is_local(request):
            raise Forbidden(
                "changes are allowed from this machine only: set NEXTCLOSE_ADMIN_TOKEN, and sign in with it or send it"
                " as a bearer token"
            )
        return
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not is_token(request, given.strip()):
        raise Unauthorized("sign in with the admin token, or send it: `Authorization: Bearer …`")


def require_page_admin(request: Request) -> None:
    """Let the form of a page pass for whoever signed in, too; a browser must say that it was one of our pages."""
    if not signed_in_until(request):
        require_admin(request)
        return
    refuse_cross_site(request.headers)
    if request.headers.get("sec-fetch-site") != "same-origin" and "origin" not in request.headers:
        raise Forbidden("the browser didn't say which page this comes from; use the service's own page")


def is_token(request: Request, given: str) -> bool:
    """Say whether this is the admin token that is set. Errors: `RateLimited` after too many wrong ones."""
    address, attempts = request.client.host if request.client else "", request.app.state.attempts
    if pause_s := attempts.pause_s(address):
        raise RateLimited(f"too many wrong tokens came from here: try again in {pause_s} s", retry_after_s=pause_s)
    if login.matches(given, request.app.state.admin_token.get_secret_value()):
        return True
    if given:
        attempts.note(address)
    return False


Admin = Depends(require_admin)
"""A route with this dependency changes state."""
PageAdmin = Depends(require_page_admin)
"""A page's form with this dependency changes state."""


def with_headers(response: Response) -> Response:
    """Add the headers to an answer that is made outside the layer above: the one for an unforeseen failure."""
    _complete(response.headers)
    return response


def _complete(headers: MutableHeaders) -> None:
    """Add what isn't there; an answer that brings its own policy says in it who may frame it."""
    framed = "content-security-policy" in headers
    for name, value in HEADERS.items():
        if not (framed and name == "X-Frame-Options"):
            headers.setdefault(name, value)
