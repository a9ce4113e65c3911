"""The page to sign in and out: the admin token once, and from then on a cookie that stands for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.core import clock
from app.core.errors import RateLimited
from app.web.edge import login as cookie
from app.web.edge import render, security
from app.web.edge.forms import Fields
from app.web.views import layout

router = APIRouter(include_in_schema=False, default_response_class=Response)

Next = Annotated[str, Query(alias="next", max_length=2000, description="The page to return to")]


@router.get("/login")
def login(request: Request, back: Next = "/") -> Response:
    """Ask for the token, say that there is none, or until when this browser is signed in."""
    return _page(request, render.own_path(back))


@router.post("/login")
def sign_in(request: Request, sent: Fields) -> Response:
    """Take the token for a cookie, and return to the page that asked for it; a wrong one is said on the page."""
    security.refuse_cross_site(request.headers)
    back, token = render.own_path(sent.get("next", "/")), request.app.state.admin_token
    if token is None:
        return _page(request, back)
    try:
        if not security.is_token(request, sent.get("token", "").strip()):
            return _page(request, back, "That is not the token that this service was started with.", 401)
    except RateLimited as error:
        answer = _page(request, back, f"{error.detail[:1].upper()}{error.detail[1:]}.", error.status)
        answer.headers["Retry-After"] = str(error.retry_after_s)
        return answer
    answer = render.see_other(back)
    cookie.put(answer, cookie.issue(token, clock.wall()), secure=request.url.scheme == "https")
    return answer


@router.post("/logout")
def sign_out(request: Request) -> Response:
    """Forget the cookie, and say so."""
    security.refuse_cross_site(request.headers)
    answer = render.see_other("/login")
    answer.delete_cookie(cookie.COOKIE, path="/", httponly=True, samesite="strict")
    return answer


def _page(request: Request, back: str, wrong: str | None = None, status: int = HTTPStatus.OK) -> Response:
    answer = render.page(
        request,
        "login",
        replace(layout.around(request), sign_in=None),
        status=status,
        back=back,
        wrong=wrong,
        has_token=request.app.state.admin_token is not None,
        until=security.signed_in_until(request),
        hours=cookie.LASTS // timedelta(hours=1),
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer
