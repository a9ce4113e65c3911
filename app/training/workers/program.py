"""What a result depends on besides its data: the source of our rooms, and the libraries that compute in them."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path

LIBRARIES = ("numpy", "polars", "scikit-learn", "xgboost-cpu")


def code_fingerprint() -> str:
    """Return the sha256 over the source of every room that a forecast is made in."""
    digest = hashlib.sha256()
    for room in ("features", "registry", "training"):
        folder = Path(__file__).parents[2] / room
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


@cache
def program() -> dict[str, str]:
    """Return what must be the same in every process that takes part in a training, each with its version."""
    versions = {name: version(name) for name in (*LIBRARIES, "distributed")}
    return {"nextclose's code": code_fingerprint()[:12], "Python": platform.python_version(), **versions}
