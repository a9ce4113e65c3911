"""Signing in: a cookie that stands for the admin token for a while, and how many wrong tokens are borne.

The cookie holds until when it counts, and a MAC over that by a key derived from the token. So nothing is stored, every
server process takes it, and another token, or none, makes every cookie void.
"""

from __future__ import annotations

import hmac
from collections import deque
from datetime import datetime, timedelta
from threading import Lock
from time import monotonic
from typing import Final

from pydantic import SecretStr
from starlette.responses import Response

COOKIE: Final = "nextclose_admin"
LASTS: Final = timedelta(hours=2)
TRIES, WITHIN_S = 10, 60.0
"""So many wrong tokens an address may send in so long."""
_MOST_ADDRESSES: Final = 1024
_PURPOSE: Final = b"nextclose admin cookie, 1"


def issue(token: SecretStr, now: datetime) -> str:
    """Return a cookie's value that counts from `now` on for `LASTS`."""
    until = str(int((now + LASTS).timestamp()))
    return f"{until}.{_mac(token, until)}"


def until(token: SecretStr, value: str | None, now: datetime) -> datetime | None:
    """Return until when a cookie's value counts; None for one that is forged, or counts no more."""
    text, _, mac = (value or "").partition(".")
    if not matches(mac, _mac(token, text)) or int(text) <= now.timestamp():
        return None
    return datetime.fromtimestamp(int(text), tz=now.tzinfo)


def matches(given: str, expected: str) -> bool:
    """Compare secrets in a time that doesn't tell where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode("utf-8", "replace"))


def put(response: Response, value: str, *, secure: bool) -> None:
    """Set the cookie: no script reads it, and no other site's request brings it along."""
    seconds = int(LASTS.total_seconds())
    response.set_cookie(COOKIE, value, max_age=seconds, path="/", secure=secure, httponly=True, samesite="strict")


def _mac(token: SecretStr, text: str) -> str:
    key = hmac.digest(token.get_secret_value().encode(), _PURPOSE, "sha256")
    return hmac.digest(key, text.encode("utf-8", "replace"), "sha256").hex()


class Attempts:
    """Wrong tokens by the address that sent them; of one process, safe to use from several threads."""

    def __init__(self) -> None:
        self._wrong: dict[str, deque[float]] = {}
        self._lock = Lock()

    def pause_s(self, address: str) -> int:
        """Return after how many seconds an address may try again; 0 where it may now."""
        with self._lock:
            wrong = self._wrong.get(address)
            if wrong is None or len(wrong) < TRIES:
                return 0
            return max(0, int(wrong[0] + WITHIN_S - monotonic()) + 1)

    def note(self, address: str) -> None:
        """Remember a wrong token; of too many addresses the one that was wrong longest ago is forgotten."""
        with self._lock:
            self._wrong[address] = self._wrong.pop(address, deque(maxlen=TRIES))
            self._wrong[address].append(monotonic())
            if len(self._wrong) > _MOST_ADDRESSES:
                self._wrong.pop(next(iter(self._wrong)))
