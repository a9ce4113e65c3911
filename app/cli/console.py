"""What every command shares: opening the store, progress, and printing."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, is_dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from app.core.clock import Clock
    from app.core.db import Database
    from app.core.progress import Progress
    from app.core.settings import Settings
    from app.forecasts.prediction.forecaster import Forecaster

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

    def forecaster(self) -> Forecaster:
        """Return what makes forecasts, here as in the service."""
        from app.jobs.retrain import forecaster

        return forecaster(self.settings, self.database, self.clock)


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


def print_report(document: Any, lines: Iterable[str], *, as_json: bool, exit_code: int = 0) -> None:
    """Print what a command found, as one JSON document or as lines of text; end with the exit code if it isn't 0."""
    for line in [_json(document)] if as_json else lines:
        typer.echo(line)
    if exit_code:
        raise typer.Exit(exit_code)


def _json(document: Any) -> str:
    """Return the document in one line; dates and instants as ISO 8601, never NaN."""
    return json.dumps(document, default=_plain, allow_nan=False, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if hasattr(value, "model_dump"):  # its instants as all others are written here, not as the API writes them
        return dict(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def table(header: Sequence[str], rows: Iterable[Sequence[Any]], *, left: int = 1) -> Iterator[str]:
    """Yield aligned columns as plain text, the first `left` of them to the left, with a dash for None."""
    cells = [header, *([NONE if cell is None else str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        aligned = (
            cell.ljust(w) if at < left else cell.rjust(w) for at, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(aligned).rstrip()


def number(value: float | None, digits: int = 3, *, scale: float = 1.0, sign: bool = False) -> str:
    """Write a number, or a dash where it is not known."""
    if value is None:
        return NONE
    return f"{value * scale:{'+' if sign else ''}.{digits}f}"
