"""Real processes on the test's own store: they import nothing that the test process has patched."""

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from app.core.settings import Settings
from app.jobs.launch import environment

Program = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def program(settings: Settings) -> Iterator[Program]:
    """Start a Python program under the test's settings; whatever still runs at the end is killed and waited for."""
    started: list[subprocess.Popen[str]] = []

    def start(source: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", source], env=environment(settings), stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
