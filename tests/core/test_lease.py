"""Leases: one living holder over all processes, and none that is dead."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

from sqlmodel import update

from app.core import lease
from app.core.clock import wall
from app.core.db import Database
from app.jobs.tables import LeaseRow

acquire = partial(lease.acquire, table=LeaseRow, name="test", lasts=timedelta(minutes=1))
release = partial(lease.release, table=LeaseRow, name="test")


def test_one_holder_at_a_time(database: Database) -> None:
    """The first has it and renews it; a second gets it when it is given up, and only its holder can do that."""
    first, second = lease.new_holder(), lease.new_holder()
    assert acquire(database, holder=first)
    assert acquire(database, holder=first)
    assert not acquire(database, holder=second)
    release(database, holder=second)
    assert not acquire(database, holder=second)
    release(database, holder=first)
    assert acquire(database, holder=second)


def test_one_of_many_that_ask_at_once_gets_it(database: Database) -> None:
    """Sixteen holders in as many threads, on connections of their own: one has it, free before or never there."""
    holders = [lease.new_holder() for _ in range(16)]
    for _ in range(3):
        with ThreadPoolExecutor(len(holders)) as pool:
            took = list(pool.map(lambda holder: acquire(database, holder=holder), holders))
        assert took.count(True) == 1
        release(database, holder=holders[took.index(True)])


def test_an_expired_lease_is_free(database: Database) -> None:
    """A holder that didn't renew in time loses it, though its process lives."""
    first, second = lease.new_holder(), lease.new_holder()
    acquire(database, holder=first)
    with database.write() as db:
        db.exec(update(LeaseRow).values(expires_at=wall() - timedelta(seconds=1)))
    assert acquire(database, holder=second)
    assert not acquire(database, holder=first)


def test_a_dead_holder_on_this_machine_holds_nothing(database: Database) -> None:
    """After kill -9 nobody waits for the lease to expire; a holder on another machine can't be seen, so it lasts."""
    assert acquire(database, holder=f"{lease.this_host()}/4194304/gone")
    assert acquire(database, holder="elsewhere/4194304/far")
    assert not acquire(database, holder=lease.new_holder())


def test_a_process_that_ended_unwaited_for_is_not_alive() -> None:
    """A zombie answers to its number, and is dead all the same."""
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    pid = process.pid
    while lease.is_alive(pid):
        pass
    process.wait()
    assert not lease.is_alive(pid)
