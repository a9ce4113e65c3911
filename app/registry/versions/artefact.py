"""A model on disk: JSON and XGBoost's own JSON, never pickle, each file's sha256 checked before it is parsed.

`SHA256SUMS` (as `sha256sum -c` reads it) covers every other file; `model.json` holds the pipeline's numbers, one
`<name>.trees.json` each set of trees, and `card.json` what the model says of itself. When it was made is the time of
`SHA256SUMS`, not a byte of any file: the same bars give the same files.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from app.core.errors import BrokenArtefact
from app.registry.components.component import trees_of
from app.registry.components.trees import Trees
from app.registry.versions.card import ModelCard
from app.registry.versions.model import Model
from app.registry.versions.pipeline import Pipeline

SUMS, CARD, MODEL = "SHA256SUMS", "card.json", "model.json"
_TREES = ".trees.json"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def model_files(pipeline: Pipeline) -> dict[str, bytes]:
    """Return the files that make the forecast: their bytes are the same whenever the fitted numbers are."""
    text = json.dumps(pipeline.as_dict(), indent=1, sort_keys=True, allow_nan=False) + "\n"
    trees = {f"{one.name}{_TREES}": one.source for one in trees_of(pipeline)}
    return {MODEL: text.encode(), **trees}


def fingerprint(files: dict[str, bytes]) -> dict[str, str]:
    """Return the sha256 of each file, by name, sorted."""
    return {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)}


def save(model: Model, directory: Path) -> None:
    """Write the model into `directory`, whole or not at all: written beside it, synced, then renamed.

    A version's name follows from its content, so a directory that is there already and whole is left as it is.
    """
    if _is_whole(directory):
        return
    files = {**model_files(model.pipeline), CARD: model.card.to_json({"created_at"}).encode()}
    sums = "".join(f"{digest}  {name}\n" for name, digest in fingerprint(files).items())
    directory.parent.mkdir(parents=True, exist_ok=True)
    temporary = directory.with_name(f".{directory.name}.{uuid4().hex}.part")
    temporary.mkdir()
    for name, content in {**files, SUMS: sums.encode()}.items():
        write_synced(temporary / name, content)
    created_ns = (model.card.created_at - _EPOCH) // timedelta(microseconds=1) * 1000
    os.utime(temporary / SUMS, ns=(created_ns, created_ns))
    sync(temporary)
    _move(temporary, directory)
    sync(directory.parent)


def load(directory: Path) -> Model:
    """Read a model; raises `BrokenArtefact` when a file is missing, added or altered, or can't be understood."""
    files = _checked(directory)
    try:
        card = _dated(files[CARD], directory)
        trees = {
            name.removesuffix(_TREES): Trees.read(name.removesuffix(_TREES), content)
            for name, content in files.items()
            if name.endswith(_TREES)
        }
        pipeline = Pipeline.from_dict(json.loads(files[MODEL]), trees)
    except (ValueError, KeyError, TypeError) as error:
        raise BrokenArtefact(f"{directory.name}: its files can't be understood ({type(error).__name__})") from error
    return Model(card, pipeline)


def read_card(directory: Path) -> ModelCard:
    """Read the card alone, its hash checked; raises `BrokenArtefact`."""
    try:
        return _dated(_checked(directory)[CARD], directory)
    except (ValueError, KeyError, TypeError) as error:
        raise BrokenArtefact(f"{directory.name}: its card can't be understood") from error


def _dated(content: bytes, directory: Path) -> ModelCard:
    created_at = _EPOCH + timedelta(microseconds=(directory / SUMS).stat().st_mtime_ns // 1000)
    return ModelCard.model_validate({**json.loads(content), "created_at": created_at})


def sums_of(directory: Path) -> str:
    """Return the sha256 of the list of sums: one number that stands for the whole version."""
    try:
        return hashlib.sha256((directory / SUMS).read_bytes()).hexdigest()
    except OSError as error:
        raise BrokenArtefact(f"{directory.name}: {SUMS} can't be read") from error


def write_synced(path: Path, content: bytes) -> None:
    """Write a file and wait until it is on the disk."""
    path.write_bytes(content)
    sync(path)


def sync(path: Path) -> None:
    """Wait until a file's content, or a directory's entries, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _checked(directory: Path) -> dict[str, bytes]:
    """Return every file's bytes after their sums agreed."""
    try:
        lines = [line.split("  ", 1) for line in (directory / SUMS).read_text().splitlines()]
        listed = {name: digest for digest, name in lines}
        found = {path.name for path in directory.iterdir()} - {SUMS}
        if found != set(listed):
            odd = min(found ^ set(listed))
            raise BrokenArtefact(f"{directory.name}: {odd} is {'not listed' if odd in found else 'missing'}")
        files = {name: (directory / name).read_bytes() for name in listed}
    except (OSError, ValueError) as error:
        raise BrokenArtefact(f"{directory.name}: {SUMS} or a file it lists can't be read") from error
    for name, content in files.items():
        if hashlib.sha256(content).hexdigest() != listed[name]:
            raise BrokenArtefact(f"{directory.name}: {name} was altered, its sha256 differs")
    return files


def _move(temporary: Path, directory: Path) -> None:
    """Put a written version in its place; where another process was first with the same one, theirs stays."""
    if directory.exists() and not _is_whole(directory):
        shutil.rmtree(directory)
    try:
        temporary.rename(directory)
    except OSError:
        if not _is_whole(directory):
            raise
        shutil.rmtree(temporary)


def _is_whole(directory: Path) -> bool:
    try:
        load(directory)
    except BrokenArtefact:
        return False
    return True
