"""Run a command as a user would: its arguments in, its output and exit code out."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.cli import main


@dataclass(frozen=True)
class Ran:
    """What a command answered."""

    code: int
    out: str
    err: str


Nextclose = Callable[..., Ran]


@pytest.fixture
def nextclose(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, store_url: str | None
) -> Nextclose:
    """Return a function that runs `nextclose` in an empty folder on the bundled sample."""
    monkeypatch.setenv("NEXTCLOSE_HOME", str(tmp_path / "var"))
    monkeypatch.setenv("NEXTCLOSE_MODELS_DIR", str(tmp_path / "trained_models"))
    monkeypatch.setenv("NEXTCLOSE_SOURCE", "sample")
    if store_url:
        monkeypatch.setenv("NEXTCLOSE_DATABASE_URL", store_url)

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["nextclose", *arguments])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else int(left.code is not None)
        seen = capsys.readouterr()
        return Ran(code, seen.out, seen.err)

    return run
