"""A model on disk: JSON and XGBoost's own format, never pickle, each file's sha256 checked before it is parsed."""

from __future__ import annotations

from pathlib import Path

from app.registry.model import Model


def save(model: Model, directory: Path) -> None:
    """Write the model into `directory`, whole or not at all: written beside it, synced, then renamed."""
    raise NotImplementedError


def load(directory: Path) -> Model:
    """Read a model; raises `BrokenArtefact` when a file is missing, added or altered."""
    raise NotImplementedError
