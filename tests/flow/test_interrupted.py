"""A service that is killed with its job, and comes back: real processes, a real kill -9."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep

import pytest

from app.core.clock import ClockFile
from app.core.db import Database
from app.core.settings import Settings
from app.jobs import runs
from app.jobs.launch import environment
from app.jobs.tables import JobRun

Serve = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture
def port() -> int:
    """Return a port that is free."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@pytest.fixture
def serve(settings: Settings, database: Database, port: int, tmp_path: Path) -> Iterator[Serve]:
    """Start `nextclose serve` on the test's own store; at the end it is told to stop, with its jobs.

    Its clock stands in a file, so that it looks for what is due four times a second.
    """
    clock = tmp_path / "now"
    clock.write_text(datetime.now(UTC).isoformat())
    own = settings.model_copy(update={"now": ClockFile(clock)})
    started: list[subprocess.Popen[bytes]] = []
    command = [sys.executable, "-m", "app.cli", "serve", "--port", str(port)]

    def start() -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen(command, env=environment(own), stderr=subprocess.DEVNULL))
        return started[-1]

    yield start
    for process in started:
        process.terminate()
        process.wait(30)
    with database.read() as db:
        assert runs.running(db) == []


def begun(database: Database, server: subprocess.Popen[bytes], *, after: JobRun | None = None) -> JobRun:
    """Wait until a first run other than this one is at work in a process of its own."""
    give_up = monotonic() + 120
    while monotonic() < give_up:
        with database.read() as db:
            found = [run for run in runs.running(db) if run.pid != server.pid and (after is None or run.id != after.id)]
        if found:
            return found[0]
        sleep(0.1)
    pytest.fail("no run began")


def kill(run: JobRun) -> None:
    """Kill a run's process with -9."""
    assert run.pid is not None
    os.kill(run.pid, signal.SIGKILL)


def page(port: int, path: str) -> str:
    """Ask the service for a page."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with closing(connection):
        connection.request("GET", path, headers={"accept": "text/html"})
        return connection.getresponse().read().decode()


def test_after_a_kill_the_run_is_interrupted_and_the_next_goes_ahead(
    serve: Serve, database: Database, port: int
) -> None:
    """Of the job alone, which its server sees, or of both: the page says so, and the training is begun anew."""
    server = serve()
    alone = begun(database, server)
    kill(alone)
    both = begun(database, server, after=alone)
    # Who sees it first says so: the thread that waits for the process, or the look at what is due.
    assert re.search(r"its process (ended with code -9|\d+ on \S+ is gone)", page(port, "/jobs"))
    server.kill()
    kill(both)
    server.wait()
    again = begun(database, serve(), after=both)
    shown = page(port, "/jobs")
    row = shown.partition(f'data-run="{both.id}"')[2].partition("data-run=")[0]
    assert 'data-state="lost">interrupted</span>' in row
    assert f'data-run="{again.id}"' in shown
