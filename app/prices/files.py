"""Import bars from CSV and Parquet files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.core.clock import Clock
from app.core.db import Database
from app.core.progress import Progress, silent


@dataclass(frozen=True)
class FileReport:
    """What became of one file's rows: stored (new), changed, unchanged, and quarantined by the rule they failed."""

    path: Path
    rows: int = 0
    stored: int = 0
    changed: int = 0
    unchanged: int = 0
    quarantined: dict[str, int] = field(default_factory=dict)
    symbols: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImportReport:
    """What an import did, file by file."""

    files: tuple[FileReport, ...]
    elapsed_s: float

    @property
    def symbols(self) -> int:
        """Count the different symbols in all files."""
        return len({symbol for file in self.files for symbol in file.symbols})

    @property
    def rows(self) -> int:
        """Count the rows read."""
        return sum(file.rows for file in self.files)

    @property
    def stored(self) -> int:
        """Count the bars that the store didn't have before."""
        return sum(file.stored for file in self.files)


def import_files(database: Database, paths: Sequence[Path], clock: Clock, progress: Progress = silent) -> ImportReport:
    """Store the final bars of these files; what fails a check goes to quarantine.

    Errors: `MalformedFile` naming file, row and value; the store is then as it was before that file.
    """
    raise NotImplementedError
