"""Processes of jobs: each leads a group, stands back behind the server, and ends with all that it started."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

NICENESS, NICENESS_OF_TRAINING = 5, 10
"""Forecasts and pages go before jobs where the cores are few.

A job that writes to the store gets a third of what the server gets: while it holds the lock, others wait for it.
"""

GRACE_S = 5.0
"""How long a job that was asked to stop may take to end by itself."""


_began_at: int | None = None
"""A job's niceness when it began, which is the server's; None in another process."""


def become_job() -> None:
    """Note that this process does one job and nothing else."""
    global _began_at  # noqa: PLW0603 - true of the process, from its first line on
    _began_at = os.nice(0)


def stand_back(niceness: int = NICENESS) -> None:
    """Let every other process of this machine go first, and interrupt none; does nothing unless this one is a job's.

    Threads that are started from then on stand back as well.

    Linux groups the processes of a session, and divides the cores between groups before it looks at niceness: a job,
    which leads a session, must lower its group too, or it gets as much as the server.
    """
    if _began_at is None:
        return
    os.nice(max(0, _began_at + niceness - os.nice(0)))
    if hasattr(os, "sched_setscheduler"):
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    if os.getsid(0) == os.getpid():  # else the group is that of a terminal, and of all that runs there
        with suppress(OSError):  # no such file where the kernel has no groups
            Path("/proc/self/autogroup").write_text(str(niceness))


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
