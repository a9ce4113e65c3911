"""In the background: answers are made ready before they are asked for, as long as the process serves.

What the ledger holds is made ready here. Where many symbols are stored and some have no forecast on their newest bars,
after an import or a refresh by hand, a job makes those: meanwhile pages show what is there, and don't wait. While no
job runs the record is summed up here too, at most a twentieth of the time.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from time import monotonic

from starlette.concurrency import run_in_threadpool

from app.core import log
from app.core.errors import JobRunning, NextcloseError
from app.features.frame import WARM
from app.forecasts.prediction.forecaster import FEW
from app.jobs import runs
from app.jobs.launch import launch
from app.prices import store
from app.web.edge.deps import Services
from app.web.predictions.answers import Answers
from app.web.predictions.record import whole

LOOK_EVERY_S = 0.5
RESTS = 20
"""Summing up the record rests for so many times as long as it took: its forecasts may come one by one."""
_log = log.get(__name__)


class Background:
    """Makes one process's answers ready."""

    def __init__(self, services: Services, answers: Answers) -> None:
        """Keep what is needed; nothing is done before `run`."""
        self._services = services
        self._answers = answers
        self._launched: object = None
        self._settled: object = None
        self._summed: object = None
        self._rests_until = 0.0

    async def run(self) -> None:
        """Make answers ready, until cancelled; half of the time at most, for it slows down whoever asks meanwhile."""
        try:
            while True:
                begun = monotonic()
                more = await run_in_threadpool(self.look)
                await asyncio.sleep(monotonic() - begun if more else LOOK_EVERY_S)
        finally:
            self._answers.making = None

    def look(self) -> bool:
        """Make some answers ready; say whether more may be left."""
        try:
            more = self._answers.prepare()
            if not more and self._answers.grounds() != self._settled:
                self._answers.making = self._is_making()
            if not more and monotonic() >= self._rests_until:
                self._sum_up()
        except NextcloseError as error:
            _log.warning("answers can't be made ready", reason=error.detail)
            return False
        return more

    def _sum_up(self) -> None:
        """Sum the record up where it says more, so that who opens its page after the close doesn't wait for that."""
        begun, seen = monotonic(), self._services.database.commits.count()
        if seen == self._summed:
            return
        with self._services.database.read() as db:
            if runs.running(db):
                return
        whole(self._services)
        self._summed = seen
        self._rests_until = monotonic() + RESTS * (monotonic() - begun)

    def _is_making(self) -> bool | None:
        """Say whether a job makes what is missing, once started where that is due; None where whoever asks makes it."""
        services, grounds = self._services, self._answers.grounds()
        if services.settings.scheduler == "off" or services.champion.version() is None:
            return None
        with services.database.read() as db:
            last = store.last_bars(db)
        if len(last) <= FEW:
            return None
        if runs.is_forecasting(services.database):
            return True
        missing = [symbol for symbol in self._answers.missing() if symbol in last and last[symbol].bars > WARM]
        if not missing or self._launched == grounds:
            self._settled = grounds
            return False
        with suppress(JobRunning):
            launch(services.settings, services.database, "forecast", "new prices")
            self._launched = grounds
        return True
