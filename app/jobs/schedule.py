"""The scheduler: which job runs when, in one process at a time.

Every serving process has one; the holder of the lease is the leader, and only the leader starts jobs. What has been
done stands in the table of runs, not in the scheduler: so a leader that dies, sleeps or is paused is made up for at the
next tick, and a second leader that comes too early finds the work claimed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlmodel import Session

from app.core import lease, log
from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import JobRunning
from app.core.settings import Settings
from app.jobs import plan, runs
from app.jobs.launch import launch, stop_all
from app.jobs.tables import LeaseRow
from app.monitoring.alerts import outbox
from app.registry.promotion.champion import Champion
from app.registry.promotion.proofs import proofs_of

if TYPE_CHECKING:
    from apscheduler.schedulers.asyncio import AsyncIOScheduler

TICK_EVERY_S = 15
JUMP_EVERY_S = 0.25
LEASE = "clockwork"
LEASE_LASTS = timedelta(seconds=60)
RETRY_FIRST_RUN_AFTER = timedelta(minutes=10)

_log = log.get(__name__)


class Scheduler:
    """Runs the cycle after each close and a check each week, catches up at start, and makes the first run.

    With a fixed `NEXTCLOSE_NOW` it does once what is due at that instant, and then rests: time doesn't pass. Where the
    instant stands in a file, time passes in jumps, and it looks often.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        """Keep what is needed; nothing runs before `start`."""
        self._settings = settings
        self._database = database
        self._clock = Clock(settings.now)
        self._holder = lease.new_holder()
        self._scheduler: AsyncIOScheduler | None = None
        self._ticking = asyncio.Lock()
        self._champion = Champion(settings)
        self._tried_first_run = False

    def start(self) -> None:
        """Start inside the running event loop; does nothing when the scheduler is off."""
        if self._settings.scheduler == "off":
            return
        from apscheduler.schedulers.asyncio import AsyncIOScheduler

        self._scheduler = AsyncIOScheduler(
            timezone=UTC,
            # By default a tick that is a second late (a laptop that slept) would be dropped.
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        if not isinstance(self._settings.now, datetime):
            first, every_s = datetime.now(UTC), TICK_EVERY_S if self._settings.now is None else JUMP_EVERY_S
            self._scheduler.add_job(self._tick, "interval", seconds=every_s, next_run_time=first)
        else:
            self._scheduler.add_job(self._tick)
        self._scheduler.start()

    async def stop(self) -> None:
        """Give the lease up, end the jobs that this process started, and stop."""
        async with self._ticking:  # a tick under way may be about to start a job
            if self._scheduler is not None:
                self._scheduler.shutdown(wait=False)
                self._scheduler = None
                await asyncio.to_thread(lease.release, self._database, LeaseRow, LEASE, self._holder)
        await asyncio.to_thread(stop_all)

    async def _tick(self) -> None:
        async with self._ticking:
            if self._scheduler is not None:
                await asyncio.to_thread(self.tick)

    def tick(self) -> None:
        """Take or keep the lead; a leader closes lost runs, and starts what is due now."""
        if not lease.acquire(self._database, LeaseRow, LEASE, self._holder, LEASE_LASTS):
            return
        now = self._clock.now()
        runs.close_lost(self._database, now)
        self._deliver()
        if self._champion.current() is None:
            self._start_first_run(now)
            return
        with self._database.read() as db:
            due, check, owed = plan.due(db, now), plan.check_is_due(db, now), self._proofs_are_owed(db)
        if owed:
            self._launch("prove", "stopped first run")
        if due:
            self._launch("cycle", f"close of {', '.join(due)}", plan.cycle_keys(due, now), now)
        elif check:
            self._launch("check", f"week {now.isocalendar().week}", [f"{now:%G-W%V}"], now)

    def _deliver(self) -> None:
        with self._database.read() as db:
            is_due = outbox.is_due(db)
        if is_due:
            self._launch("deliver", "alerts are due")

    def _proofs_are_owed(self, db: Session) -> bool:
        """Say whether the champion's proofs are still to come; a first run that is at them refuses a second job."""
        model = self._champion.current()
        return model is not None and proofs_of(db, [model.card.version])[model.card.version].owed

    def _start_first_run(self, now: datetime) -> None:
        """Start it once per process, and again when it was lost or failed a while ago."""
        with self._database.read() as db:
            tried = runs.last(db, "first_run")
        fresh = tried is not None and tried.state != "lost" and now - tried.started_at < RETRY_FIRST_RUN_AFTER
        if not (self._tried_first_run and fresh):
            self._tried_first_run = True
            self._launch("first_run", "no champion")

    def _launch(self, kind: str, trigger: str, keys: Sequence[str] = (), now: datetime | None = None) -> None:
        try:
            launch(self._settings, self._database, kind, trigger, keys, now)
        except JobRunning as error:
            _log.debug("not started", kind=kind, reason=error.detail)
