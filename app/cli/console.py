"""What every command shares: opening the store, progress, and printing."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from app.core.clock import Clock
    from app.core.db import Database
    from app.core.progress import Progress
    from app.core.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
SymbolNames = Annotated[
    list[str], typer.Argument(metavar="SYMBOL", help="Ticker symbols as Yahoo spells them, such as AAPL or BRK-B.")
]
NONE = "-"


@dataclass(frozen=True)
class OpenStore:
    """What a command works with."""

    settings: Settings
    database: Database
    clock: Clock


@contextmanager
def open_store(level: int = logging.ERROR) -> Iterator[OpenStore]:
    """Open settings, a migrated store and the clock; close the store at the end.

    A command's report says what went wrong, so that only errors are logged besides.
    """
    from app.core import log
    from app.core.clock import Clock
    from app.core.db import Database, migrate
    from app.core.settings import load_settings

    log.configure(level)
    settings = load_settings()
    database = Database(settings.database)
    try:
        migrate(database)
        yield OpenStore(settings, database, Clock(settings.now))
    finally:
        database.dispose()


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Show a progress bar on a terminal; say nothing when piped."""
    from app.core.progress import silent

    if not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda fraction, message: bar.update(task, completed=fraction, description=message)


def normalised(names: Iterable[str]) -> list[str]:
    """Return the symbols in Yahoo's spelling, each once, in order. Errors: `InvalidSymbol`."""
    from app.prices.symbols import normalise

    return list(dict.fromkeys(normalise(name) for name in names))


def stocks(names: Iterable[str]) -> list[str]:
    """Return the symbols of what can be forecast, as `normalised` does. Errors: `InvalidSymbol`, also for a series."""
    from app.prices.symbols import stock

    return list(dict.fromkeys(stock(name) for name in names))


def print_error(line: str) -> None:
    """Print one line on stderr."""
    typer.echo(f"nextclose: {line}", err=True)


def print_json(document: Any) -> None:
    """Print one JSON document; dates and instants as ISO 8601, never NaN."""
    typer.echo(json.dumps(document, default=_plain, allow_nan=False, ensure_ascii=False))


def _plain(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> None:
    """Print aligned columns, the first `left` of them to the left: plain text, so that it can be piped."""
    widths = [max(len(row[at]) for row in [header, *rows]) for at in range(len(header))]
    for row in [header, *rows]:
        cells = [
            cell.ljust(width) if at < left else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        typer.echo("  ".join(cells).rstrip())


def number(value: float | None, digits: int = 3, *, scale: float = 1.0, sign: bool = False) -> str:
    """Write a number, or a dash where it is not known."""
    if value is None:
        return NONE
    return f"{value * scale:{'+' if sign else ''}.{digits}f}"
