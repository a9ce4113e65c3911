"""A Dask cluster of real processes on loopback, as the README starts one; tests and the benchmark kill its workers."""

import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
HOST = ("--host", "127.0.0.1")


class Dask:
    """A scheduler, and workers that a test starts and kills."""

    def __init__(self, folder: Path) -> None:
        """Start the scheduler on a free port."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address, self._folder = f"tcp://127.0.0.1:{port}", folder
        self._scheduler = self._start("scheduler", *HOST, "--port", str(port), "--no-dashboard")
        self._workers: list[subprocess.Popen[bytes]] = []

    def worker(self) -> subprocess.Popen[bytes]:
        """Start a worker; nobody starts another one when it dies."""
        quiet = ("--no-nanny", "--no-dashboard", "--local-directory", str(self._folder))
        self._workers.append(self._start("worker", self.address, *HOST, "--nthreads", "1", *quiet))
        return self._workers[-1]

    def end_workers(self) -> None:
        """Kill the workers that are left."""
        for process in self._workers:
            process.kill()
            process.wait()
        self._workers.clear()

    def end(self) -> None:
        """Kill everything."""
        self.end_workers()
        self._scheduler.kill()
        self._scheduler.wait()

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen([sys.executable, "-m", "dask", *command], cwd=ROOT, stdout=log, stderr=log)
