"""The HTTP session that yfinance is given: no request outlives the deadline of the fetch that it belongs to."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

_ASKED: Final = ("/v8/finance/chart/", "/calendar/earnings", "/v1/finance/visualization", "/v1/finance/search")
"""What a fetch is about; every other address is a side host's."""
_SIDE_TIMEOUT_S: Final = 3.0
"""Cookie, consent and crumb: the chart answers without them, so they may cost little."""
_SIDE_PAUSE_S: Final = 60.0
"""After one of those hosts failed, none of them is asked for this long."""


@dataclass
class Call:
    """One call of this thread: until when it may last, and the status of the last answer it was about."""

    deadline: float
    status: int | None = None


@dataclass
class Traffic:
    """What the session needs to know across threads: each one's call, and whether side hosts are let rest."""

    local: threading.local = field(default_factory=threading.local)
    side_rests_until: float = 0.0

    @contextmanager
    def call(self, timeout_s: float) -> Iterator[Call]:
        """Bound everything that this thread asks for inside the block."""
        self.local.call = call = Call(time.monotonic() + timeout_s)
        try:
            yield call
        finally:
            self.local.call = None

    def current(self) -> Call:
        """Return this thread's call; a request outside one gets a short one of its own."""
        return getattr(self.local, "call", None) or Call(time.monotonic() + _SIDE_TIMEOUT_S)


@lru_cache(maxsize=1)
def open_session() -> tuple[Any, Traffic]:
    """Return the process's one session for yfinance, and the traffic it obeys."""
    from curl_cffi import requests

    traffic = Traffic()

    class BoundedSession(requests.Session[requests.Response]):
        def request(self, method: Any, url: str, **options: Any) -> requests.Response:  # type: ignore[override] # all of the parent's options pass through
            call, now = traffic.current(), time.monotonic()
            asked = any(part in url for part in _ASKED)
            if now >= call.deadline or (not asked and now < traffic.side_rests_until):
                raise requests.exceptions.Timeout(f"no time is left to ask {url.partition('?')[0]}")
            left = call.deadline - now if asked else min(call.deadline - now, _SIDE_TIMEOUT_S)
            try:
                response = super().request(method, url, **{**options, "timeout": left})
            except requests.exceptions.RequestException:
                if not asked:
                    traffic.side_rests_until = time.monotonic() + _SIDE_PAUSE_S
                raise
            if asked:
                call.status = response.status_code
            return response

    return BoundedSession(impersonate="chrome"), traffic
