"""A scheduler for all tests of a module; each test starts the workers that it needs."""

from collections.abc import Iterator

import pytest

from app.training.workers import cluster
from tests.training.workers.local_cluster import Dask


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    """Start a scheduler for all tests of a module."""
    started = Dask(tmp_path_factory.mktemp("dask"))
    yield started
    started.end()


@pytest.fixture
def dask(scheduler: Dask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dask]:
    """Lend the scheduler without workers; a busy machine takes its time to start processes."""
    monkeypatch.setattr(cluster, "CONNECT_S", 120.0)
    monkeypatch.setattr(cluster, "FIRST_WORKER_S", 120.0)
    yield scheduler
    scheduler.end_workers()
