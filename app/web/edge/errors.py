"""Two renderers for one error tree: problem+json (RFC 9457) for programs, a page or its region for people."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from app.core.errors import NextcloseError
from app.web.edge import render, security

PROBLEM = "application/problem+json"
_CODES = {
    404: ("not_found", "there is nothing at this address"),
    405: ("method_not_allowed", "this address doesn't take that method"),
    408: ("body_too_slow", f"the body wasn't there after {security.BODY_S:.0f} s"),
    413: ("body_too_large", f"the body is larger than {security.MAX_BODY_BYTES // 1024} KB"),
    415: ("unsupported_media_type", None),
}
"""The codes of errors that the framework raises, and what they say instead of its own words."""


class Problem(BaseModel):
    """An error as RFC 9457 has it; `code` is stable, `detail` is one line for people."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    instance: str = Field(description="The path that was asked for")
    errors: list[dict[str, str]] | None = Field(None, description="Which inputs were wrong, where several can be")


RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"description": description, "content": {PROBLEM: {"schema": Problem.model_json_schema()}}}
    for status, description in ((422, "The input can't be right"), ("default", "Any other problem, named by its code"))
}
"""What every route may answer besides its own; for the OpenAPI document."""


def install(app: FastAPI) -> None:
    """Render every error that a request can end in."""
    app.exception_handler(NextcloseError)(respond)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(HTTPException)(_http)
    app.exception_handler(ClientDisconnect)(_gone)
    app.exception_handler(Exception)(_unforeseen)


def problem(request: Request, status: int, code: str, detail: str, **extra: Any) -> Response:
    """Render an error for who asked: a page for a browser, a region for htmx, problem+json for all else."""
    title = HTTPStatus(status).phrase
    if render.wants_html(request):
        return render.error(request, status=status, code=code, title=title, detail=detail)
    body = Problem(title=title, status=status, code=code, detail=detail, instance=request.scope["path"], **extra)
    return JSONResponse(body.model_dump(exclude_none=True), status, media_type=PROBLEM)


def respond(request: Request, error: NextcloseError) -> Response:
    """Render one of our own errors."""
    response = problem(request, error.status, error.code, error.detail)
    if error.retry_after_s is not None:
        response.headers["Retry-After"] = str(error.retry_after_s)
    if error.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="nextclose"'
    return response


def _invalid(request: Request, error: RequestValidationError) -> Response:
    found = [{"where": ".".join(str(part) for part in one["loc"]), "what": one["msg"]} for one in error.errors()]
    if any(one["type"] == "json_invalid" for one in error.errors()):
        return problem(request, 400, "bad_request", "the body is no valid JSON", errors=found)
    _, _, name = found[0]["where"].partition(".")
    detail = f"`{name or found[0]['where']}`: {found[0]['what']}"
    return problem(request, 422, "bad_request", detail, errors=found)


def _http(request: Request, error: HTTPException) -> Response:
    code, detail = _CODES.get(error.status_code, ("bad_request", None))
    response = problem(request, error.status_code, code, detail or str(error.detail))
    response.headers.update(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        response.headers["Allow"] = _allowed(request) or response.headers.get("Allow", "")
    return response


def _gone(request: Request, _error: ClientDisconnect) -> Response:
    return problem(request, 400, "bad_request", "the connection ended before the body")


def _allowed(request: Request) -> str:
    """Return the methods of the most particular path that matches, over all its routes.

    The framework names those of the first route only: for /api/models/rollback those of /api/models/{version}.
    """
    matching = [route for route in request.app.state.routes if route.path_regex.match(request.scope["path"])]
    fewest = min((len(route.param_convertors) for route in matching), default=0)
    methods = {method for route in matching if len(route.param_convertors) == fewest for method in route.methods}
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


def _unforeseen(request: Request, error: Exception) -> Response:  # noqa: ARG001 - the server logs it with its traceback
    detail = "something went wrong here; it has been logged"
    return security.with_headers(problem(request, 500, "internal", detail))
