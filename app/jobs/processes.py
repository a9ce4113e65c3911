"""Processes of jobs: each leads a group, stands back behind the server, and ends with all that it started."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from time import sleep

NICENESS = 10
"""Forecasts and pages go before jobs where the cores are few: a job gets a tenth of what the server gets."""

STOP_S = 4
"""How long answers that have begun may take when the service stops; its jobs get as long after them. In all less than
the ten seconds after which whoever stops a service commonly kills it."""
GRACE_S = 5.0
"""How long a job that was asked to stop may take to end by itself."""


def put_back(pid: int) -> None:
    """Let every other process of this machine go before this one that was just started, and before all that it starts.

    Linux groups the processes of a session, and divides the cores between groups before it looks at niceness: a job,
    which leads a session, must lower its group too, or it gets as much as the server.
    """
    with suppress(OSError):  # it may have ended already
        os.setpriority(os.PRIO_PROCESS, pid, os.nice(0) + NICENESS)
    if hasattr(os, "sched_setscheduler"):
        with suppress(OSError):
            os.sched_setscheduler(pid, os.SCHED_BATCH, os.sched_param(0))  # it interrupts nobody
    group = Path(f"/proc/{pid}/autogroup")
    with suppress(OSError):  # no such file where the kernel has no groups
        try:
            group.write_text(str(NICENESS))
        except BlockingIOError:  # who has no privilege lowers one group in a tenth of a second
            sleep(0.1)
            group.write_text(str(NICENESS))


def kill_group(leader: int) -> None:
    """Kill whatever is left of the group of processes that this one leads or led."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def kill_own_group(exit_code: int) -> None:
    """End this process at once, with all that it started where it leads a group."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(exit_code)


def kill_stray(pid: int, run_id: str) -> None:
    """Kill the process of a run that was given up, and its group; not another one that has its number by now."""
    with suppress(OSError):
        if run_id in Path(f"/proc/{pid}/cmdline").read_text().split("\0"):
            kill_group(pid)
