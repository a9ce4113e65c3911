"""Four server processes and one beside them over one store, on a clock that jumps; the leader is killed where asked."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlmodel import col, select

from app.core.clock import ClockFile, calendar
from app.core.db import Database, migrate
from app.core.lease import is_alive
from app.core.settings import Settings
from app.jobs import plan
from app.jobs.launch import environment
from app.jobs.schedule import LEASE
from app.jobs.tables import JobKeyRow, JobRunRow, LeaseRow
from app.prices import store
from app.registry.promotion import champion
from app.registry.versions import artefact
from tests.forecasts import small

WORKERS = 4
GIVE_UP_S = 300.0
FIRST = date(2021, 3, 1)
RUNNING = select(JobRunRow.id).where(JobRunRow.state == "running")


@dataclass
class Found:
    """What came of it: the keys that were due, how often each ran, and the seconds until another process led."""

    due: list[tuple[str, str]] = field(default_factory=list)
    ran: Counter[tuple[str, str]] = field(default_factory=Counter)
    keyless: int = 0
    takeovers_s: list[float] = field(default_factory=list)
    leaders: set[int] = field(default_factory=set)

    @property
    def is_exact(self) -> bool:
        """Say whether each key that was due ran once, and nothing else did."""
        return self.ran == Counter(self.due) and set(self.ran.values()) == {1} and not self.keyless


def furnish(folder: Path) -> Settings:
    """Make a store with a champion, and one watched symbol that never has a bar: each instant of a session is due."""
    clock = folder / "now"
    clock.write_text(calendar().close_at(FIRST).isoformat())
    settings = Settings(
        home=folder / "var", models_dir=folder / "models", source="sample", now=ClockFile(clock), market_series=()
    )
    database, now = Database(settings.database), settings.now
    assert isinstance(now, ClockFile)
    migrate(database)
    with database.write() as db:
        store.watch(db, ["AAA"], now.now())
    artefact.save(small.model(), settings.models_dir / "v1")
    champion.promote(settings, database, "v1", "by hand", {}, now.now())
    database.dispose()
    return settings


@contextmanager
def served(settings: Settings, workers: int) -> Iterator[None]:
    """Run `nextclose serve` with these many server processes."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "app.cli", "serve", "--port", str(port), "--workers", str(workers)]
    process = subprocess.Popen(command, env=environment(settings), stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def live_through(settings: Settings, seconds: float, kills: int = 2) -> Found:
    """Move the clock from instant to instant for so long, and kill the leader so often while a job runs."""
    found, database = Found(), Database(settings.database)
    began = time.monotonic()
    with ExitStack() as stack:
        stack.enter_context(served(settings, WORKERS))
        stack.enter_context(served(settings, 1))
        wait(lambda: leader(database), "nobody leads")
        for step, at in enumerate(instants()):
            passed = time.monotonic() - began
            move(settings, at)
            due = [("cycle", plan.cycle_keys(["XNYS"], at)[0]), ("check", f"{at:%G-W%V}")]
            found.due += [key for key in due if key not in found.due]
            if len(found.takeovers_s) < kills and passed > seconds * (len(found.takeovers_s) + 1) / (kills + 2):
                wait(lambda: running(database), "no job to be killed beside")
                found.takeovers_s.append(kill_leader(database))
            wait(lambda due=due: is_done(database, due), f"step {step}: {due} never ran")
            found.leaders.add(leader(database) or 0)
            if passed > seconds and len(found.takeovers_s) == kills:
                break
    count(database, found)
    database.dispose()
    return found


def instants() -> Iterator[datetime]:
    """Yield each instant after each session's close at which a cycle is due while its bars are missing.

    At the first, the close itself, the session before is made up for.
    """
    session = FIRST
    yield calendar().close_at(session)
    while True:
        for after in plan.AFTER_FINAL:
            yield calendar().final_at(session) + after + timedelta(seconds=1)
        session = calendar().next_session(session)


def move(settings: Settings, at: datetime) -> None:
    """Move the clock."""
    assert isinstance(settings.now, ClockFile)
    beside = settings.now.path.with_suffix(".part")
    beside.write_text(at.isoformat())
    beside.replace(settings.now.path)


def leader(database: Database) -> int | None:
    """Return the process that leads, if it lives."""
    with database.read() as db:
        row = db.get(LeaseRow, LEASE)
    pid = int(row.holder.split("/")[1]) if row is not None and row.holder else None
    return pid if pid is not None and is_alive(pid) else None


def kill_leader(database: Database) -> float:
    """Kill -9 the process that leads; return after how many seconds another one does."""
    killed = wait(lambda: leader(database), "nobody leads")
    os.kill(killed, signal.SIGKILL)
    begun = time.monotonic()
    wait(lambda: leader(database) not in {None, killed}, "nobody took over")
    return time.monotonic() - begun


def running(database: Database) -> Sequence[str]:
    """Return the ids of the runs that run."""
    with database.read() as db:
        return db.exec(RUNNING).all()


def is_done(database: Database, due: Sequence[tuple[str, str]]) -> bool:
    """Say whether all of these keys were run for, and nothing runs: in one look, for a lost run gives its key back."""
    with database.read() as db:
        keys = {(row.kind, row.key) for row in db.exec(select(JobKeyRow))}
        return set(due) <= keys and not db.exec(RUNNING).all()


def count(database: Database, found: Found) -> None:
    """Count the runs that weren't lost, by their keys."""
    with database.read() as db:
        keys = {row.run_id: (row.kind, row.key) for row in db.exec(select(JobKeyRow))}
        wanted = col(JobRunRow.kind).in_(("cycle", "check")), JobRunRow.state != "lost"
        ended = db.exec(select(JobRunRow.id).where(*wanted)).all()
    found.ran = Counter(keys[run] for run in ended if run in keys)
    found.keyless = sum(run not in keys for run in ended)


def wait(ask: Callable[[], Any], otherwise: str) -> Any:
    """Return the first answer that isn't false."""
    give_up = time.monotonic() + GIVE_UP_S
    while not (answer := ask()):
        if time.monotonic() > give_up:
            raise TimeoutError(otherwise)
        time.sleep(0.05)
    return answer
