"""What a Dask cluster on this machine is worth to a contest: `python tests/benchmarks/cluster.py [FILE ...]`.

Files hold bars, bars of a market series such as `^VIX`, or earnings days; without one it is a simulated market of 40
symbols and 1,500 sessions. All candidates walk, and are fitted for serving: in threads here, on one worker process, on
two, and on two of which one is killed as the folds begin. For each it prints the time, the CPU time of this process and
of the workers, and whether every score and every byte of every candidate's files is that of the walk in threads.
Workers that share this machine's cores with this process can't be quicker than its threads: look at the CPU times.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import sklearn.ensemble  # noqa: F401 - what the libraries take is no cost of a row
import xgboost  # noqa: F401
from contest import filled

sys.path.insert(0, str(Path(__file__).parents[2]))
from app.registry.versions.artefact import model_files
from app.training.contest.contest import evaluate
from app.training.data.dataset import Dataset, stored_dataset
from app.training.workers import cluster
from app.training.workers.pool import workers
from tests.training.workers.local_cluster import Dask

TICKS = os.sysconf("SC_CLK_TCK")
YEAR = 252


@dataclass(frozen=True)
class Walk:
    """What a walk came to: scores and model files by candidate, wall and CPU seconds, and the worker that died."""

    figures: list[tuple[str, object, dict[str, bytes]]]
    wall_s: float
    here_s: float
    there_s: float = 0.0
    killed: int | None = None


def walk(dataset: Dataset, address: str | None, began: Callable[[], None] = lambda: None) -> Walk:
    """Walk all candidates; `began` is called as the first fold begins, when all units are handed over."""

    def watch(_: float, message: str) -> None:
        if message.startswith("fold 1 "):
            began()

    wall, cpu = time.perf_counter(), time.process_time()
    with workers(address) as pool:
        _, contestants = evaluate(dataset, watch, pool=pool)
        spent = time.perf_counter() - wall, time.process_time() - cpu
    figures = [(one.candidate.name, one.metrics, model_files(one.pipeline)) for one in contestants]
    return Walk(figures, *spent)


def on_workers(dataset: Dataset, count: int, *, kill: bool = False) -> Walk:
    """Walk on so many new workers."""
    with tempfile.TemporaryDirectory() as folder:
        dask = Dask(Path(folder))
        try:
            started = [dask.worker() for _ in range(count)]
            with cluster.Cluster(dask.address) as pool:
                while pool.workers < count:
                    time.sleep(0.1)
            before = [cpu_s(process.pid) for process in started]
            done = walk(dataset, dask.address, started[0].kill if kill else lambda: None)
            spent = [cpu_s(process.pid) for process in started[kill:]]
            killed = started[0].poll() if kill else None
            return Walk(done.figures, done.wall_s, done.here_s, sum(spent) - sum(before[kill:]), killed)
        finally:
            dask.end()


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mb() -> float:
    """Return the largest memory that this process had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main() -> int:
    """Print the table; fail where a figure differs."""
    cluster.CONNECT_S = cluster.FIRST_WORKER_S = 120.0
    with tempfile.TemporaryDirectory() as folder:
        _, database = filled(Path(folder), sys.argv[1:])
        began, at_first = time.process_time(), resident_mb()
        dataset = stored_dataset(database, None)
        features_s, rows = time.process_time() - began, len(dataset.panel)
        database.dispose()
    print(f"{rows} rows, {len(dataset.panel.names)} symbols, {rows / YEAR:.0f} symbol-years")
    local = walk(dataset, None)
    memory = 1e6 * (resident_mb() - at_first) / rows
    print(f"features {features_s:.1f} CPU s; the peak of memory is {memory:.0f} bytes a row above that before")
    walks = {"threads": local, "1 worker": on_workers(dataset, 1), "2 workers": on_workers(dataset, 2)}
    walks["2 workers, 1 killed"] = on_workers(dataset, 2, kill=True)
    for name, one in walks.items():
        same = "same to the bit" if one.figures == local.figures else "DIFFERENT"
        died = "" if one.killed is None else f", ended by signal {-one.killed}"
        print(
            f"{name:20s} {one.wall_s:7.1f} s, CPU here {one.here_s:6.1f} s, workers {one.there_s:6.1f} s: {same}{died}"
        )
    return 0 if all(one.figures == local.figures for one in walks.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
