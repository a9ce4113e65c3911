"""The real service, living through evenings on a clock that only its driver moves, and killed where it is said."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlmodel import text

from app.core.clock import ClockFile, calendar
from app.core.db import Database
from app.core.settings import Settings
from app.forecasts.ledger import audit
from app.jobs import runs
from app.jobs.launch import environment

Move = Callable[[date], object]
"""Moves the market's day."""
GIVE_UP_S = 900


@dataclass
class Service:
    """The service in processes of its own, on a clock that only `evening` moves."""

    settings: Settings
    port: int
    extra: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        """Open the store beside the service, to look at it, and a client, which reads its certificates but once."""
        self.database = Database(self.settings.database)
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=10.0)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        command = [sys.executable, "-m", "app.cli", "serve", "--port", str(self.port)]
        env = {**environment(self.settings), **self.extra}
        self.process = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL)
        wait(lambda: self.ask("/healthz") is not None, "the server didn't start")

    def stop(self) -> None:
        """End the server as Ctrl-C does."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)
        self.client.close()
        self.database.dispose()

    def evening(self, session: date) -> None:
        """Move the clock to some minutes after the session's last bar became final."""
        at = calendar().final_at(session) + timedelta(minutes=3)
        assert isinstance(self.settings.now, ClockFile)
        beside = self.settings.now.path.with_suffix(".part")
        beside.write_text(at.isoformat())
        beside.replace(self.settings.now.path)

    def rest(self, session: date) -> None:
        """Wait until everything that is due this evening is done."""

        def is_done() -> bool:
            found = self.ask("/api/jobs?limit=20")
            if found is None:
                return False
            evening = calendar().final_at(session).strftime("%Y-%m-%dT%H:%M")
            done = [one for one in found["jobs"] if one["state"] in {"done", "failed"} and one["started_at"] >= evening]
            busy = any(one["state"] == "running" for one in found["jobs"])
            waits = any(one["at"] <= f"{evening[:11]}23:59" for one in found["upcoming"] if one["kind"] == "check")
            return not busy and not waits and any(one["kind"] in {"cycle", "first_run"} for one in done)

        wait(is_done, f"the evening of {session} has no end")

    def kill(self, what: str) -> None:
        """Kill the server, its running job, or both, with -9 while a job works; start the server again."""
        assert self.process is not None
        job = wait(self._job, "no job to kill")
        if "server" in what:
            self.process.kill()
            self.process.wait()
        if "job" in what:
            os.kill(job, signal.SIGKILL)
        if "server" in what:
            self.start()

    def _job(self) -> int | None:
        """Return the process that works on a cycle and has got somewhere."""
        with self.database.read() as db:
            return next((run.pid for run in runs.running(db) if run.kind == "cycle" and run.progress > 0.0), None)

    def ask(self, path: str) -> Any:
        """Return the JSON of an address; None while the server can't answer."""
        try:
            answer = self.client.get(path)
            return answer.json() if answer.is_success else None
        except httpx.TransportError:
            return None

    def memory_mb(self) -> float:
        """Return the server's resident memory."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


def wait(ask: Callable[[], Any], otherwise: str) -> Any:
    """Return the first answer that isn't false."""
    give_up = time.monotonic() + GIVE_UP_S
    while not (found := ask()):
        if time.monotonic() > give_up:
            raise TimeoutError(otherwise)
        time.sleep(0.2)
    return found


@dataclass(frozen=True)
class Outcome:
    """What the ledger holds of the year."""

    expected: int
    forecasts: int
    double: int
    scores: int
    scored_twice: int
    intact: bool
    origins: dict[str, int]
    jobs: dict[str, int]
    decisions: list[tuple[str, str, str | None, str]]

    @property
    def is_exact(self) -> bool:
        """Say whether each forecast and each score is there once, and the chain holds."""
        counts = (self.forecasts, self.scores) == (self.expected, self.expected)
        return counts and not self.double and not self.scored_twice and self.intact


def replay(service: Service, move: Move, sessions: Sequence[date], kills: dict[date, str]) -> Iterator[date]:
    """Live through the evenings of these sessions, killing where it is said; yield each when it is over."""
    for session in sessions:
        move(session)
        service.evening(session)
        if session in kills:
            service.kill(kills[session])
        service.rest(session)
        yield session


def outcome(database: Database, sessions: Sequence[date], symbols: int) -> Outcome:
    """Count what was forecast for these sessions."""
    year = {"first": sessions[0], "last": sessions[-1]}
    live = "origin = 'live' AND target_session BETWEEN :first AND :last"
    scored = f"SELECT count(*) FROM score JOIN forecast ON forecast_id = id WHERE {live} AND revision = 0"
    every = f"SELECT count(*), count(*) - count(DISTINCT symbol || target_session) FROM forecast WHERE {live}"
    with database.read() as db:
        query = db.connection()
        forecasts, double = query.execute(text(every), year).one()
        scores = query.execute(text(scored), year).scalar_one()
        distinct = query.execute(text(scored.replace("count(*)", "count(DISTINCT forecast_id)")), year).scalar_one()
        origins = query.execute(text("SELECT origin, count(*) FROM forecast GROUP BY origin")).all()
        jobs = query.execute(text("SELECT kind || ' ' || state FROM job_run")).scalars()
        day = "substr(CAST(decided_at AS text), 1, 10)"
        told = f"SELECT {day}, kind, version, previous_version, reason FROM decision ORDER BY id"
        return Outcome(
            expected=len(sessions) * symbols,
            forecasts=forecasts,
            double=double,
            scores=scores,
            scored_twice=scores - distinct,
            intact=all(report.intact for report in audit.verify_chain(db)),
            origins=dict(sorted(map(tuple, origins))),
            jobs=dict(sorted(Counter(jobs).items())),
            decisions=[
                (f"{day} {kind}", version, before, why) for day, kind, version, before, why in query.execute(text(told))
            ],
        )
