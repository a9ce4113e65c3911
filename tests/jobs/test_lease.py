"""The lease: one leader over all processes, and none that is dead."""

from datetime import timedelta

from sqlmodel import update

from app.core.clock import Clock
from app.core.db import Database
from app.jobs import lease
from app.jobs.runs import this_host
from app.jobs.tables import LeaseRow


def test_one_holder_at_a_time(database: Database) -> None:
    """The first has it and renews it; a second gets it when it is given up, and only its holder can do that."""
    first, second = lease.new_holder(), lease.new_holder()
    assert lease.acquire(database, first)
    assert lease.acquire(database, first)
    assert not lease.acquire(database, second)
    lease.release(database, second)
    assert not lease.acquire(database, second)
    lease.release(database, first)
    assert lease.acquire(database, second)


def test_an_expired_lease_is_free(database: Database) -> None:
    """A holder that didn't renew in time loses it, though its process lives."""
    first, second = lease.new_holder(), lease.new_holder()
    lease.acquire(database, first)
    with database.write() as db:
        db.exec(update(LeaseRow).values(expires_at=Clock().now() - timedelta(seconds=1)))
    assert lease.acquire(database, second)
    assert not lease.acquire(database, first)


def test_a_dead_holder_on_this_machine_holds_nothing(database: Database) -> None:
    """After kill -9 nobody waits for the lease to expire; a holder on another machine can't be seen, so it lasts."""
    assert lease.acquire(database, f"{this_host()}:4194304:gone")
    assert lease.acquire(database, "elsewhere:4194304:far")
    assert not lease.acquire(database, lease.new_holder())
