"""A pool takes units of work and gives back their results: one after the other, in threads, or on a cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property, partial
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Unit(Protocol[T_co]):
    """Work that was handed over."""

    def result(self) -> T_co:
        """Return what came of it, the same object each time; waits until it is there."""


class Shared:
    """What many units read, such as a market's features: a cluster's workers are sent it once. It never changes."""


class Pool(Protocol):
    """Takes pure functions of the top level of a module, which read nothing but their arguments."""

    @property
    def where(self) -> str:
        """Where units run, as the end of a line of progress; empty for this machine."""

    def submit(self, function: Callable[..., T], /, *args: Any) -> Unit[T]:
        """Hand over `function(*args)`; `Shared` ones come first."""


class InTurn:
    """Does a unit when its result is first asked for."""

    where = ""

    def submit(self, function: Callable[..., T], /, *args: Any) -> Unit[T]:
        """Keep the call for later."""
        return _Later(partial(function, *args))


class _Later:
    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call

    def result(self) -> Any:
        return self._result

    @cached_property
    def _result(self) -> Any:
        return self._call()


class Threads(ThreadPoolExecutor):
    """Does units in as many threads as there are cores: what is heavy in them runs outside the interpreter's lock."""

    where = ""


@contextmanager
def workers(address: str | None) -> Iterator[Pool]:
    """Open the cluster at an address, or without one threads; what wasn't begun by the end is dropped.

    Errors: `ClusterUnavailable`, here and from every unit. Nothing falls back on threads: who set an address may have
    a market that this machine doesn't hold.
    """
    if address is not None:
        from app.training.workers.cluster import Cluster

        with Cluster(address) as cluster:
            yield cluster
        return
    threads = Threads(os.cpu_count())
    try:
        yield threads
    finally:
        threads.shutdown(cancel_futures=True)
