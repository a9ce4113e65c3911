"""What stands between us and a source: a rate budget, retries with jitter, and a breaker that stops hammering.

Libraries were looked at. pyrate-limiter sleeps a caller's whole deadline away before it says no, pybreaker holds its
lock while the call runs and reads the wall clock, purgatory has neither a lock nor a monotonic clock.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

from app.core.clock import wall
from app.prices.sources.protocol import (
    FETCH_TIMEOUT_S,
    FetchFailed,
    Limited,
    Malformed,
    PriceSource,
    Unreachable,
)

ASK_TIMEOUT_S: Final = 27.0
"""All attempts for one symbol together take no longer than this, so that with its reading and storing, and a first
import of yfinance, a symbol is done within 30 seconds."""
ATTEMPTS: Final = 3
SIDE_FAILURES: Final = 2
"""So few failures in a row and what isn't prices is let rest."""
T = TypeVar("T")
_TRANSIENT: Final = (Unreachable, Limited, Malformed)


@dataclass
class TokenBucket:
    """Lets `burst` calls through at once and `per_s` a second after that: the generic cell rate algorithm.

    `_next` is when the newest token would fall due if none were ever saved up.
    """

    per_s: float = 2.0
    burst: float = 60.0
    monotonic: Callable[[], float] = time.monotonic
    _next: float = field(default=-math.inf, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def take(self) -> float:
        """Take one token; return how many seconds to wait before using it."""
        with self._lock:
            now = self.monotonic()
            self._next = max(self._next, now - self.burst / self.per_s) + 1 / self.per_s
            return max(0.0, self._next - now)


@dataclass
class Breaker:
    """Opens after some failures in a row, for a pause that doubles each time; one trial then decides.

    Only a refusal (429) or failures of several symbols speak of the source: one bad symbol never closes the others out.
    """

    failures: int = 5
    pause_s: float = 30.0
    longest_s: float = 900.0
    monotonic: Callable[[], float] = time.monotonic
    _row: list[str] = field(default_factory=list, init=False)
    _opened: int = field(default=0, init=False)
    _until: float = field(default=0.0, init=False)
    _why: FetchFailed | None = field(default=None, init=False)
    _trial: bool = field(default=False, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def let_through(self) -> None:
        """Raise the failure that opened the breaker while it is open; let one trial through when the pause is over."""
        with self._lock:
            left = self._until - self.monotonic()
            if self._why is None:
                return
            if left <= 0:  # the others wait for the trial's end
                self._until, self._trial = self.monotonic() + self.pause_s, True
                return
            until = (wall() + timedelta(seconds=left)).strftime("%H:%M:%S")
            refusal = type(self._why)(
                f"not asked: {self._why.detail}; the next try is at {until} UTC", retry_after_s=int(left) + 1
            )
            refusal.before = self._why
            raise refusal

    def worked(self) -> None:
        """Close the breaker: the source answers."""
        with self._lock:
            self._row, self._opened, self._trial, self._why = [], 0, False, None

    def failed(self, why: FetchFailed, symbol: str) -> None:
        """Count a failure; open the breaker when there are enough of them in a row, or the trial failed.

        Calls that were under way when it opened say nothing new.
        """
        with self._lock:
            self._row.append(symbol)
            of_source = isinstance(why, Limited) or len(set(self._row)) > 1
            enough = len(self._row) >= self.failures and of_source if self._why is None else self._trial
            if enough:
                self._until = self.monotonic() + min(self.longest_s, self.pause_s * 2**self._opened)
                self._opened += 1
                self._row, self._trial, self._why = [], False, why


@dataclass
class Guard:
    """One source's budget and breaker, shared by everything in this process that asks it."""

    bucket: TokenBucket = field(default_factory=TokenBucket)
    breaker: Breaker = field(default_factory=Breaker)
    sleep: Callable[[float], None] = time.sleep

    def call(self, what: str, fetch: Callable[[float], T], limit_s: float, attempts: int = ATTEMPTS) -> T:
        """Call `fetch` with its time limit, again after a passing failure, all inside `limit_s`.

        `what` is asked for: a symbol mostly. A refusal (429) waits longer than a broken line.
        Errors: the last `FetchFailed`, or at once that of an open breaker.
        """
        from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_before_delay

        deadline = time.monotonic() + limit_s
        retrying = Retrying(
            retry=retry_if_exception(_passing),
            stop=stop_after_attempt(attempts) | stop_before_delay(limit_s),
            wait=_wait_s,
            sleep=self.sleep,
            reraise=True,
        )
        answer: T = retrying(self._once, what, fetch, deadline)
        return answer

    def _once(self, what: str, fetch: Callable[[float], T], deadline: float) -> T:
        self.breaker.let_through()
        wait_s = self.bucket.take()
        left_s = deadline - time.monotonic() - wait_s
        if left_s <= 0:
            raise Unreachable(f"no time was left to ask for {what}")
        if wait_s:
            self.sleep(wait_s)
        try:
            fetched = fetch(min(left_s, FETCH_TIMEOUT_S))
        except FetchFailed as error:
            if isinstance(error, _TRANSIENT):
                self.breaker.failed(error, what)
            else:
                self.breaker.worked()
            raise
        self.breaker.worked()
        return fetched


def _passing(error: BaseException) -> bool:
    """Say whether asking again soon can help."""
    return isinstance(error, _TRANSIENT) and error.before is None


def _wait_s(state: Any) -> float:
    """Return how long to wait after a failed attempt: exponential with jitter, longer after a refusal."""
    from tenacity import wait_exponential_jitter

    limited = state.outcome is not None and isinstance(state.outcome.exception(), Limited)
    base_s, longest_s = (2.0, 15.0) if limited else (0.4, 5.0)
    return wait_exponential_jitter(multiplier=base_s, max=longest_s, jitter=base_s)(state)


_guards: WeakKeyDictionary[PriceSource, Guard] = WeakKeyDictionary()
_side_guards: WeakKeyDictionary[PriceSource, Guard] = WeakKeyDictionary()
_lock = threading.Lock()


def guard_of(source: PriceSource) -> Guard:
    """Return the guard of this source's prices; the same one for the same source."""
    with _lock:
        return _guards.setdefault(source, Guard())


def side_guard_of(source: PriceSource) -> Guard:
    """Return the guard of what else this source is asked for: the same budget, and a breaker of its own.

    A refused page must not keep prices from being asked for.
    """
    bucket = guard_of(source).bucket
    with _lock:
        return _side_guards.setdefault(source, Guard(bucket, Breaker(failures=SIDE_FAILURES)))
