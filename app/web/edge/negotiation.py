"""What a client accepts, where one address has two answers, and what it holds already."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import Scope

STREAM = "text/event-stream"


def asks_for_stream(scope: Scope) -> bool:
    """Say whether a request names server-sent events in `Accept`, as a browser's EventSource does."""
    accepted = Headers(scope=scope).get("accept", "")
    return any(part.partition(";")[0].strip().lower() == STREAM for part in accepted.split(","))


def is_held(etag: str, if_none_match: str | None) -> bool:
    """Say whether the header names this content, which is 304 then; compared weakly (RFC 9110, section 13)."""
    if not if_none_match:
        return False
    held = {one.strip().removeprefix("W/") for one in if_none_match.split(",")}
    return "*" in held or etag.removeprefix("W/") in held
