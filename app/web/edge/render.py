"""Templates: one per page, rendered whole, or by one block where htmx asks for a region."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from pydantic_core import to_json
from starlette.responses import HTMLResponse, RedirectResponse, Response

from app.web.edge import formats, static

FOLDER = Path(__file__).parents[3] / "templates"
NAVIGATION = (
    ("/", "Watchlist"),
    ("/screener", "Screener"),
    ("/track-record", "Track record"),
    ("/models", "Models"),
    ("/data", "Data"),
    ("/monitoring", "Monitoring"),
    ("/jobs", "Jobs"),
)
_PASSING = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
"""What may be over when the same is asked again."""
_WEIGHT = re.compile(r"[01](\.[0-9]{0,3})?")  # RFC 9110, section 12.4.2
_VARY = "Accept, Cookie, HX-Request, HX-Request-Type, HX-Target"


@dataclass(frozen=True)
class Notice:
    """One line above the page; `kind` is `sample`, `stale`, `expired`, `unproven` or `error`."""

    kind: str
    text: str


@dataclass(frozen=True)
class Layout:
    """What every page shows around its own: the notices, and whether its buttons will be answered."""

    notices: Callable[[], tuple[Notice, ...]] = tuple
    """Asked where they are printed: a region of a page has none."""
    may_change: bool = False
    signed_in: bool = False
    sign_in: str | None = None
    """Where a reader who may change nothing can sign in; None for one who may."""
    twin: str | None = None
    """The address of the same as JSON."""
    reload_s: int | None = None
    """After how many seconds a browser without JavaScript should ask again."""


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Build the template environment: everything escaped, an unknown name is an error."""
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(formats.FILTERS)
    made.policies["json.dumps_function"] = _json
    made.policies["json.dumps_kwargs"] = {}
    made.globals.update(static=static.url, navigation=NAVIGATION)
    made.globals["terms"] = vars(made.get_template("macros/terms.html").module)["TERMS"]
    made.globals["ui"] = made.get_template("macros/ui.html").module
    return made


def _json(value: object) -> str:
    """Write JSON, at a third of the time that the standard library takes; what is no number is null."""
    return to_json(value, inf_nan_mode="null").decode()


def macro(file: str, name: str) -> Callable[..., str]:
    """Return a macro, which renders what it is given into text that is safe to stand in a page."""
    return cast("Callable[..., str]", getattr(environment().get_template(f"macros/{file}.html").module, name))


def wants_html(request: Request) -> bool:
    """Say whether the client would rather have HTML than JSON."""
    weights = {"text/html": 0.0, "application/json": 0.0, "application/problem+json": 0.0}
    for part in request.headers.get("accept", "").split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        if kind in weights:
            given = next((piece[2:] for piece in parameters if piece.startswith("q=")), "1")
            weights[kind] = float(given) if _WEIGHT.fullmatch(given) else 1.0
    html = weights.pop("text/html")
    return html > 0 and html >= max(weights.values())


def region(request: Request) -> str | None:
    """Return the id of the region that htmx asks for; None for a whole page."""
    if request.headers.get("hx-request-type") != "partial":
        return None
    return request.headers.get("hx-target", "").partition("#")[2] or None


def page(
    request: Request, name: str, layout: Layout | None = None, *, status: int = 200, **context: Any
) -> HTMLResponse:
    """Render a page, or the block of it that htmx asks for by the id of its target."""
    template = environment().get_template(f"pages/{name}.html")
    values = {"layout": layout or Layout(), "path": request.scope["path"], **context}
    return _answer(_text(template, region(request), values), status)


def error(request: Request, *, status: int, code: str, title: str, detail: str) -> HTMLResponse:
    """Render an error as a page, or for htmx as a region that stands where the answer would have stood."""
    template = environment().get_template("error.html")
    target = region(request)
    values = {"layout": Layout(), "path": request.scope["path"], "status": status, "code": code, "title": title}
    came_from = own_path(
        "/" + request.headers.get("referer", "").partition("//")[2].partition("/")[2].partition("?")[0]
    )
    values |= {"detail": detail, "target": target or "failure", "sign_in": sign_in(came_from)}
    values["again"] = request.method == "GET" and status in _PASSING
    return _answer(_text(template, "failure" if target else None, values), status)


def sign_in(back: str) -> str:
    """Return the address to sign in at, which leads back to a page afterwards."""
    return f"/login?{urlencode({'next': back})}"


def own_path(text: str) -> str:
    """Return a path of this service that a browser was to be sent on to; the first page for anything else."""
    is_own = text.startswith("/") and text.isprintable() and not text.startswith(("//", "/login")) and "\\" not in text
    return text if is_own else "/"


def see_other(address: str) -> Response:
    """Send a browser on to another page, after a form or from another spelling."""
    return RedirectResponse(address, 303)


def _text(template: Template, block: str | None, values: dict[str, Any]) -> str:
    if block is None or block not in template.blocks:
        return template.render(values)
    return "".join(template.blocks[block](template.new_context(values)))


def _answer(text: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(text, status, headers={"Cache-Control": "no-cache", "Vary": _VARY})
