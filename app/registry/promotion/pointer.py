"""The pointer: which version is served, and which were before it; a file that is replaced whole."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

from app.core import log
from app.core.errors import BrokenArtefact
from app.registry.versions import artefact

POINTER = "champion.json"
_log = log.get(__name__)


@dataclass(frozen=True)
class Pointer:
    """What `champion.json` says."""

    version: str
    sums: str
    before: tuple[str, ...] = ()

    @classmethod
    def read(cls, models_dir: Path) -> Pointer | None:
        """Read the pointer, `None` where there is none; raises `BrokenArtefact` for one that isn't ours."""
        try:
            values = json.loads((models_dir / POINTER).read_bytes())
            return cls(version=values["version"], sums=values["sums"], before=tuple(values["before"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BrokenArtefact(f"{models_dir / POINTER} can't be read: promote a version to replace it") from error

    def write(self, models_dir: Path) -> None:
        """Replace the pointer in one step."""
        temporary = models_dir / f".{POINTER}.{uuid4().hex}.part"
        artefact.write_synced(temporary, (json.dumps(asdict(self), indent=1) + "\n").encode())
        temporary.replace(models_dir / POINTER)
        artefact.sync(models_dir)

    @staticmethod
    def remove(models_dir: Path) -> None:
        """Leave nobody to be served."""
        (models_dir / POINTER).unlink()
        artefact.sync(models_dir)


@contextmanager
def locked(models_dir: Path) -> Iterator[None]:
    """Let one thread of one process at a time read the pointer, decide and move it; the system ends a dead one's turn.

    Otherwise two that promote at once forget each other, and the last decision needn't be the one that is served.
    """
    models_dir.mkdir(parents=True, exist_ok=True)
    with (models_dir / f".{POINTER}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def pointer_or_none(models_dir: Path) -> Pointer | None:
    """Return the pointer; one that can't be read counts as none, because a promotion replaces it."""
    try:
        return Pointer.read(models_dir)
    except BrokenArtefact as error:
        _log.error("pointer replaced", reason=error.detail)
        return None
