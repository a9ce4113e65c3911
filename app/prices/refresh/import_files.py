"""Import bars and earnings days from CSV and Parquet files of any size.

A file of bars is first rewritten, streaming, into a scratch Parquet with our columns; there everything that can't be
read is found before the store is touched. Then symbols are stored in groups, each group in one transaction, so that a
stopped import leaves whole symbols only and is finished by starting it again. A file of earnings days is read whole,
and stored at once.
"""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import polars as pl

from app.core.clock import Clock, calendar
from app.core.db import Database
from app.core.errors import InvalidSymbol, MalformedFile
from app.core.lease import is_alive
from app.core.progress import Progress, silent, within
from app.prices.frame import BAR_SCHEMA, conform
from app.prices.refresh import ingest
from app.prices.sources import earnings_file, staging
from app.prices.store import event_updates
from app.prices.store.event_updates import EventCounts
from app.prices.symbols import exchange_of, normalise

SOURCE: Final = "file"
_GROUP_ROWS: Final = 60_000
"""Symbols are stored in groups of about this many rows: it bounds the memory and how long the write lock is held."""


@dataclass(frozen=True)
class FileReport:
    """What became of one file's rows: stored (new), changed, unchanged, quarantined by the rule they failed.

    `not_final` rows are of sessions that hadn't ended for good; they are left out.
    """

    path: Path
    rows: int = 0
    stored: int = 0
    changed: int = 0
    unchanged: int = 0
    not_final: int = 0
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
    began = time.monotonic()
    reports = [
        _import_file(database, path, clock, within(progress, at / len(paths), (at + 1) / len(paths)))
        for at, path in enumerate(paths)
    ]
    return ImportReport(tuple(reports), time.monotonic() - began)


def _import_file(database: Database, path: Path, clock: Clock, progress: Progress) -> FileReport:
    with TemporaryDirectory(prefix=f"import-{os.getpid()}-", dir=_scratch_folder(database)) as folder:
        progress(0.0, f"{path.name}: reading")
        written = staging.write(path, Path(folder))
        spelled = _spelled(path, written)
        report = FileReport(path, rows=sum(rows for rows, _ in spelled.values()), symbols=tuple(spelled))
        total, seen = max(report.rows, 1), 0
        for group in _groups(spelled):
            bars = _bars(written, {spelled[symbol][1]: symbol for symbol in group})
            report = _stored(database, bars, clock, report)
            seen += bars.height
            progress(seen / total, f"{path.name}: {group[-1]}")
    return report


def _scratch_folder(database: Database) -> Path | None:
    """Return the store's own folder, cleared of what killed imports left: the one folder that is written to."""
    if not (database.is_sqlite and database.url.database):
        return None
    folder = Path(database.url.database).parent
    for left in folder.glob("import-*-*"):
        if not is_alive(int(left.name.split("-")[1])):
            shutil.rmtree(left, ignore_errors=True)
    return folder


def _spelled(path: Path, written: Path) -> dict[str, tuple[int, str]]:
    """Return each symbol's number of rows and how the file spells it, sorted."""
    counts = pl.scan_parquet(written).group_by("symbol").len().collect().sort("symbol")
    found: dict[str, tuple[int, str]] = {}
    for spelling, rows in counts.iter_rows():
        try:
            symbol = normalise(spelling or "")
        except InvalidSymbol as error:
            raise MalformedFile(f"{path.name}: {error.detail}") from error
        if symbol in found:
            raise MalformedFile(f"{path.name}: {found[symbol][1]} and {spelling} are both {symbol}; keep one of them")
        found[symbol] = rows, spelling
    return dict(sorted(found.items()))


def _groups(spelled: dict[str, tuple[int, str]]) -> list[list[str]]:
    """Return the symbols in groups, by how many rows stand before each."""
    before = accumulate((rows for rows, _ in spelled.values()), initial=0)
    numbered = zip(before, spelled, strict=False)
    return [[symbol for _, symbol in group] for _, group in groupby(numbered, lambda pair: pair[0] // _GROUP_ROWS)]


def _bars(written: Path, spellings: dict[str, str]) -> pl.DataFrame:
    rows = pl.scan_parquet(written).filter(pl.col("symbol").is_in(list(spellings))).select(*BAR_SCHEMA).collect()
    return conform(rows.with_columns(pl.col("symbol").replace_strict(spellings, return_dtype=pl.String)))


def _stored(database: Database, bars: pl.DataFrame, clock: Clock, report: FileReport) -> FileReport:
    now = clock.now()
    exchanges = {symbol: exchange_of(symbol) for symbol in bars["symbol"].unique()}
    by_exchange = bars.group_by(pl.col("symbol").replace_strict(exchanges).alias("exchange"), maintain_order=True)
    with database.write() as db:
        for (name,), mine in by_exchange:
            exchange = str(name)
            final = mine.filter(pl.col("session") <= calendar(exchange).last_final(now))
            done = ingest.ingest(db, final, SOURCE, now, exchange, "a file says otherwise")
            report = replace(
                report,
                stored=report.stored + done.added,
                changed=report.changed + done.changed,
                unchanged=report.unchanged + done.unchanged,
                not_final=report.not_final + mine.height - final.height,
                quarantined=dict(Counter(report.quarantined) + Counter(done.held)),
            )
    return report


@dataclass(frozen=True)
class EventsReport:
    """What became of one file's days."""

    path: Path
    days: int
    symbols: int
    kept: EventCounts


def import_events(database: Database, paths: Sequence[Path], clock: Clock) -> list[EventsReport]:
    """Store the days of these files; the symbols need no prices yet, and what a file doesn't tell stays as it is.

    Errors: `MalformedFile` naming file, row and value, before anything of any file is stored.
    """
    reported = [(path, earnings_file.read(path)) for path in paths]
    reports = []
    for path, days in reported:
        with database.write() as db:
            kept = event_updates.update(db, days, SOURCE, clock.now())
        reports.append(EventsReport(path, days.height, days["symbol"].n_unique(), kept))
    return reports
