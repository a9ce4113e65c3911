"""A Dask cluster as a pool: units run on its workers, and what they share is sent to each worker once.

A unit whose worker died is done again by the scheduler. What the units share may die with the last worker that had it,
and then it is sent anew. Dask's own way is cloudpickle over TCP or TLS, so that whoever reaches a scheduler or worker
can run code there and here: see SECURITY.md.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import ExitStack
from functools import cached_property, partial
from time import monotonic
from types import TracebackType
from typing import Any, Final, NoReturn, Self, TypeVar

from app.core.errors import ClusterUnavailable
from app.core.public import counted
from app.training.workers.pool import Shared, Unit
from app.training.workers.program import program

T = TypeVar("T")
CONNECT_S: Final = 10.0
"""How long a scheduler may take to answer."""
FIRST_WORKER_S: Final = 10.0
"""How long a scheduler may be without workers at the start."""
WITHOUT_WORKERS_S: Final = 60.0
"""How long a training waits for a worker to come back when none is left."""
SENT_AGAIN: Final = 5
"""How often a unit is handed over again because all workers that had its data died."""
_LOOK_EVERY_S: Final = 2.0
_CLOSE_S: Final = 2.0


class Cluster:
    """A connection to a scheduler, for one training."""

    def __init__(self, address: str) -> None:
        """Connect, and see that every worker runs this program; raises `ClusterUnavailable`."""
        self._address = address
        self.where = f", on {address}"
        self._shared: list[tuple[Shared, Any]] = []
        self._without_since: float | None = None
        self._client = self._connect()
        with ExitStack() as unless_alike:
            unless_alike.callback(self._client.close, _CLOSE_S)
            self._compare()
            unless_alike.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Let go of everything: the scheduler forgets the units that nobody waits for, and the data."""
        self._client.close(_CLOSE_S)

    @property
    def workers(self) -> int:
        """How many workers there are now."""
        return len(self._client.nthreads())

    def submit(self, function: Callable[..., T], /, *args: Any) -> Unit[T]:
        """Hand over `function(*args)`; `Shared` ones come first, and are sent to each worker once."""
        return _Remote(self, function, args)

    def start(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """Hand a unit to the scheduler; return Dask's future."""
        shared = [self._sent(arg) for arg in args if isinstance(arg, Shared)]
        call = partial(_done, function, program(), args[len(shared) :])
        return self._client.submit(call, *shared, pure=False)

    def wait(self, future: Any) -> Any:
        """Return a future's result, watching the cluster meanwhile; raises `CancelledError` for lost data."""
        from distributed.scheduler import KilledWorker

        while True:
            try:
                return future.result(timeout=_LOOK_EVERY_S)
            except TimeoutError:
                self._look()
            except KilledWorker as error:
                self._fail("a unit of the training ended several workers, most likely for want of memory", error)
            except CancelledError:
                self._look()
                raise
            except OSError as error:
                self._fail("the scheduler was lost", error)

    def _connect(self) -> Any:
        try:
            from distributed import Client, Security
        except ImportError as error:
            self._fail("it needs Dask: install nextclose[cluster]", error)
        for name in ("distributed", "distributed.client", "distributed.core", "distributed.comm"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what fails is raised, in one line
        try:
            encrypts = Security().get_connection_args("client").get("ssl_context") is not None
        except OSError as error:
            self._fail(f"Dask's settings for TLS name a file that can't be used: {error}", error)
        if self._address.startswith("tls:") and not encrypts:
            self._fail("Dask has no certificate for it: set DASK_DISTRIBUTED__COMM__TLS__CA_FILE and its companions")
        try:
            return Client(self._address, timeout=CONNECT_S, set_as_default=False, name="nextclose")
        except OSError as error:
            hint = "start one, or unset the setting to train on this machine"
            self._fail(f"no scheduler answers there within {CONNECT_S:.0f} s; {hint}", error)

    def _compare(self) -> None:
        """Refuse a cluster without workers, or with one that runs another program."""
        try:
            self._client.wait_for_workers(1, timeout=FIRST_WORKER_S)
        except TimeoutError as error:
            self._fail(f"it has had no worker for {FIRST_WORKER_S:.0f} s", error)
        try:
            found = self._client.run(program, on_error="return")
        except OSError as error:
            self._fail("the scheduler was lost", error)
        for worker, theirs in found.items():
            if isinstance(theirs, Exception):
                self._fail(f"its worker {worker} can't run this program: {theirs}", theirs)
            if differs := difference(theirs):
                self._fail(f"its worker {worker} has {differs}")

    def _look(self) -> None:
        """See that the scheduler is there, and that somebody works or may soon work again."""
        if self._client.status != "running":
            self._fail("the scheduler was lost")
        try:
            without = not self.workers
        except OSError as error:
            self._fail("the scheduler was lost", error)
        self._without_since = (self._without_since or monotonic()) if without else None
        if self._without_since is not None and monotonic() - self._without_since > WITHOUT_WORKERS_S:
            self._fail(f"all workers were lost, and none came back within {WITHOUT_WORKERS_S:.0f} s")

    def _sent(self, shared: Shared) -> Any:
        """Return the future of what is on the workers; it is sent where it isn't there, or not there any more."""
        for place, (known, future) in enumerate(self._shared):
            if known is shared:
                if future.status == "finished":
                    return future
                del self._shared[place]
                break
        future = self._client.scatter(shared, broadcast=True, hash=False)
        self._shared.append((shared, future))
        return future

    def _fail(self, what: str, cause: BaseException | None = None) -> NoReturn:
        raise ClusterUnavailable(f"NEXTCLOSE_CLUSTER={self._address}: {what}") from cause


def state_of(address: str) -> str:
    """Say how many workers a cluster has, or what is wrong with it."""
    try:
        with Cluster(address) as cluster:
            count = cluster.workers
    except ClusterUnavailable as error:
        return error.detail
    return f"{address}, {counted(count, 'worker')}"


class _Remote:
    """A unit on the cluster, handed over again if the data that it reads is lost."""

    def __init__(self, cluster: Cluster, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._cluster, self._call = cluster, (function, args)
        self._future: Any = cluster.start(*self._call)

    def result(self) -> Any:
        return self._result

    @cached_property
    def _result(self) -> Any:
        for _ in range(SENT_AGAIN):
            try:
                return self._cluster.wait(self._future)
            except CancelledError:
                self._future = self._cluster.start(*self._call)
        return self._cluster.wait(self._future)


def difference(theirs: dict[str, str]) -> str:
    """Say in what a worker's program differs from this one; empty where it doesn't."""
    return next(
        (
            f"{name} {theirs.get(name)} where this program has {own}: start all of them from the same image"
            for name, own in program().items()
            if theirs.get(name) != own
        ),
        "",
    )


def _done(function: Callable[..., T], expected: dict[str, str], args: tuple[Any, ...], *shared: Shared) -> T:
    """Do a unit on a worker, with one thread of BLAS as at home; a worker that came later is compared here."""
    from threadpoolctl import threadpool_limits

    if expected != program():
        raise ClusterUnavailable(f"a worker of NEXTCLOSE_CLUSTER isn't of the same image as the training: {program()}")
    with threadpool_limits(limits=1, user_api="blas"):
        return function(*shared, *args)
