"""A service that is told to stop while it is asked and trains: real processes, a real SIGTERM."""

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
from contextlib import closing, suppress
from pathlib import Path
from time import monotonic, sleep

import pytest
from sqlmodel import col, select

from app.core.db import Database
from app.core.settings import Settings
from app.forecasts.ledger import audit
from app.forecasts.ledger.tables import ForecastRow
from app.jobs import runs
from app.jobs.launch import environment
from tests.web.conftest import _pg_seeded, _seeded, apps, seeded, settings, store_url

__all__ = ["_pg_seeded", "_seeded", "apps", "seeded", "settings", "store_url"]

STOPS_WITHIN_S = 10.0
SYMBOLS = ("AAPL", "IBM", "MSFT", "GOOG")


def ask(port: int, method: str, path: str, body: bytes | None = None) -> bytes:
    """Return a whole answer; raises `OSError` or `HTTPException` where there is none."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as connection:
        connection.request(method, path, body, {"content-type": "application/json"})
        return connection.getresponse().read()


def until_it_answers(port: int) -> None:
    """Wait for the server."""
    give_up = monotonic() + 120
    while monotonic() < give_up:
        with suppress(OSError):
            ask(port, "GET", "/healthz")
            return
        sleep(0.1)
    pytest.fail("the server didn't start")


def load(port: int, answers: list[dict[str, object]]) -> None:
    """Ask for forecasts until nobody answers; an answer that has begun must be whole."""
    body = json.dumps({"symbols": SYMBOLS}).encode()
    with suppress(ConnectionError, http.client.RemoteDisconnected):
        while True:
            answers += json.loads(ask(port, "POST", "/predict", body))["predictions"]


def watch(port: int) -> None:
    """Read the stream of jobs, as an open page does, to its end, which mustn't be a cut."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as connection:
        connection.request("GET", "/api/events", headers={"accept": "text/event-stream"})
        assert b"event: job" in connection.getresponse().read()


def test_a_stop_under_load_loses_nothing(settings: Settings, seeded: Database, tmp_path: Path) -> None:
    """It exits within ten seconds, quietly; what was answered stands in the ledger, the training as interrupted."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = int(listening.getsockname()[1])
    own = settings.model_copy(update={"scheduler": "off"})
    command = [sys.executable, "-m", "app.cli", "serve", "--port", str(port)]
    log = tmp_path / "log"
    with log.open("wb") as errors:
        server = subprocess.Popen(command, env=environment(own), stderr=errors)
    try:
        until_it_answers(port)
        run = json.loads(ask(port, "POST", "/api/jobs/train"))["id"]
        answers: list[dict[str, object]] = []
        clients = [threading.Thread(target=load, args=(port, answers)) for _ in range(4)]
        clients.append(threading.Thread(target=watch, args=(port,)))
        for client in clients:
            client.start()
        while len(answers) < 100 or seen(seeded, run).pid == server.pid:
            assert server.poll() is None
            assert all(client.is_alive() for client in clients)
            sleep(0.05)
        begun = monotonic()
        server.send_signal(signal.SIGTERM)
        server.wait(60)
        assert monotonic() - begun < STOPS_WITHIN_S
        for client in clients:
            client.join()
    finally:
        server.kill()
    assert '"level": "error"' not in log.read_text()
    assert (seen(seeded, run).state, seen(seeded, run).message) == ("lost", "stopped with the service")
    with seeded.read() as db:
        stored = set(db.exec(select(col(ForecastRow.id))).all())
        assert {answer["prediction_id"] for answer in answers} <= stored
        assert all(chain.intact for chain in audit.verify_chain(db))
    assert runs.start(seeded, "train", "test", settings.now).state == "running"  # type: ignore[arg-type]


def seen(database: Database, run_id: str) -> runs.JobRun:
    """Look a run up."""
    with database.read() as db:
        return runs.get(db, run_id)
