"""Trees grow on a Dask cluster of two processes: the same to the bit as here, whoever is killed meanwhile."""

import time

import numpy as np
import pytest

from app.core.errors import ClusterUnavailable
from app.training.data.folds import folds
from app.training.fitting.units import Examples
from app.training.walk_forward.walk_forward import FoldForecast, WalkForward
from app.training.workers import cluster
from app.training.workers.cluster import Cluster, difference, state_of
from app.training.workers.pool import workers
from app.training.workers.program import program
from tests.training.walked import Walked
from tests.training.workers.local_cluster import Dask

NOBODY = "tcp://127.0.0.1:9"


def test_a_worker_killed_midway_changes_no_bit(walked: Walked, dask: Dask) -> None:
    """Every forecast of a walk on two workers, one of them killed as the first fold begins, equals the local one."""
    first, second = dask.worker(), dask.worker()
    made: list[FoldForecast] = []

    def kill(_: float, message: str) -> None:
        if message.startswith("fold 1 "):
            assert message.endswith(f", on {dask.address}")
            first.kill()
            first.wait()

    with workers(dask.address) as pool:
        WalkForward(walked.dataset, folds(walked.dataset)).run(made.append, kill, pool=pool)
    assert (first.poll(), second.poll()) == (-9, None)
    for here, there in zip(walked.made, made, strict=True):
        assert (here.fold, here.name) == (there.fold, there.name)
        assert np.array_equal(here.raw, there.raw)
        assert all(np.array_equal(ours, theirs) for ours, theirs in zip(here.computed, there.computed, strict=True))


def test_data_that_died_with_its_last_worker_is_sent_again(dask: Dask) -> None:
    """A unit waits for the only worker, which is killed; another one that comes is sent what the unit reads."""
    shared = Examples(*(np.arange(size, dtype=np.float64) for size in (4, 3, 2, 1)))
    only = dask.worker()
    with Cluster(dask.address) as pool:
        assert state_of(dask.address) == f"{dask.address}, 1 worker"
        pool.submit(time.sleep, 60.0)
        unit = pool.submit(getattr, shared, "moved")
        only.kill()
        dask.worker()
        assert unit.result().tolist() == [0.0, 1.0, 2.0]
        with pytest.raises(ZeroDivisionError):  # what a worker raises is raised here
            pool.submit(divmod, 1, 0).result()


def test_a_training_ends_when_all_workers_are_lost(dask: Dask, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits a while for one to come back, and then says what it waited for."""
    monkeypatch.setattr(cluster, "WITHOUT_WORKERS_S", 0.0)
    only = dask.worker()
    with workers(dask.address) as pool:
        unit = pool.submit(time.sleep, 60.0)
        only.kill()
        with pytest.raises(ClusterUnavailable, match="all workers were lost, and none came back"):
            unit.result()


def test_a_cluster_without_workers_is_refused(dask: Dask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would ever do the work."""
    monkeypatch.setattr(cluster, "FIRST_WORKER_S", 0.2)
    assert state_of(dask.address).startswith(f"NEXTCLOSE_CLUSTER={dask.address}: it has had no worker")


def test_an_address_where_nobody_is_names_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence, and nothing is trained here instead."""
    monkeypatch.setattr(cluster, "CONNECT_S", 0.2)
    with pytest.raises(ClusterUnavailable) as caught, workers(NOBODY):
        pass
    assert caught.value.detail.startswith(f"NEXTCLOSE_CLUSTER={NOBODY}: no scheduler answers")
    assert (caught.value.exit_code, caught.value.code) == (3, "cluster_unavailable")


def test_another_program_is_named() -> None:
    """Code, Python and each library: any of them may move a figure."""
    assert difference(program()) == ""
    assert difference({**program(), "numpy": "1.26.0"}).startswith("numpy 1.26.0 where this program has 2.")
    assert difference({}).startswith("nextclose's code None where this program has ")
