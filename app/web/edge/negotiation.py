"""What a client accepts, where one address has two answers."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import Scope

STREAM = "text/event-stream"


def asks_for_stream(scope: Scope) -> bool:
    """Say whether a request names server-sent events in `Accept`, as a browser's EventSource does."""
    accepted = Headers(scope=scope).get("accept", "")
    return any(part.partition(";")[0].strip().lower() == STREAM for part in accepted.split(","))
