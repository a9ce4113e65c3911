"""One job in a process of its own: `python -m app.jobs.child KIND RUN_ID`, with settings from the environment.

Or, as `… hand-over VERSION`, what precedes a promotion: no run, for whoever promotes waits for it.
"""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType

from app.core import log
from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import NextcloseError
from app.core.settings import Settings, load_settings
from app.jobs import runs, timing
from app.jobs.launch import HAND_OVER, STOPPED
from app.jobs.reporter import Reporter
from app.jobs.retrain import forecaster
from app.jobs.tables import State
from app.jobs.work import WORK, CycleFailed
from app.registry.versions import artefact
from app.registry.versions.stored import version_directory

PATIENCE_S = 100.0
"""A database server that restarts costs no job its work; after `SILENT_AFTER` others take the run for lost."""
_log = log.get(__name__)
_told_to_stop = threading.Event()


def main(kind: str, run_id: str) -> int:
    """Do the job and keep its row; the exit code is the error's own, 0 when it is done."""
    log.configure()
    settings = load_settings()
    database = Database(settings.database, patience_s=PATIENCE_S)
    if not runs.adopt(database, run_id):
        _log.warning("the run is closed already", run=run_id)
        return 1
    signal.signal(signal.SIGTERM, _stop)
    return _do(kind, run_id, settings, database)


def hand_over(version: str) -> int:
    """Be the process in which the next champion forecasts every stored symbol."""
    settings = load_settings()
    database = Database(settings.database)
    model = artefact.load(version_directory(settings, version))
    forecaster(settings, database, Clock(settings.now)).prepare(model)
    database.dispose()
    return 0


def _do(kind: str, run_id: str, settings: Settings, database: Database) -> int:
    clock = Clock(settings.now)
    state: State = "failed"
    message, outcome, code = STOPPED, None, 1
    try:
        with Reporter(database, run_id, timing.limit_s(kind)) as progress:
            outcome = WORK[kind](settings, database, clock, progress)
        state, message, code = "done", "done", 0
    except CycleFailed as error:
        message, outcome, code = error.detail, error.outcome, error.exit_code
    except NextcloseError as error:
        message, outcome, code = error.detail, {"code": error.code}, error.exit_code
    except SystemExit:
        state = "lost"
    except Exception:  # noqa: BLE001 - the process's own edge: the log has the traceback, the row one line
        _log.exception("job failed", kind=kind, run=run_id)
        message = "an unexpected error; the log has it"
    if _told_to_stop.is_set() and state == "failed":  # a library made another error of the exit that it was in for
        state, message, outcome = "lost", STOPPED, None
    runs.finish(database, run_id, state, message, outcome, clock.now())
    database.dispose()
    return code


def _stop(_signal: int, _frame: FrameType | None) -> None:
    _told_to_stop.set()
    sys.exit(1)


if __name__ == "__main__":
    sys.exit(hand_over(sys.argv[2]) if sys.argv[1] == HAND_OVER else main(*sys.argv[1:]))
