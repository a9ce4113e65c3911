"""The command line: each command is a few lines over the rooms.

Heavy imports stand inside the commands, so that `nextclose --help` answers at once. Reports go to stdout, logs and
progress to stderr; `--json` prints one JSON document instead of text.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.core.errors import BadInput, NextcloseError, NoHistory

if TYPE_CHECKING:
    from app.core.clock import Clock
    from app.core.db import Database
    from app.core.progress import Progress
    from app.core.settings import Settings

app = typer.Typer(
    name="nextclose",
    help="Forecast the next session's closing price of many stocks, and keep score of it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
symbols_app = typer.Typer(help="Show or change the watchlist.", invoke_without_command=True)
app.add_typer(symbols_app, name="symbols")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
Symbols = Annotated[list[str] | None, typer.Argument(help="Ticker symbols as Yahoo spells them, such as AAPL or BRK-B.")]


def main() -> None:
    """Run the command line; one line on stderr and the documented exit code when something is wrong."""
    try:
        app()
    except NextcloseError as error:
        typer.echo(f"nextclose: {error.detail}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        typer.echo("nextclose: stopped", err=True)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


@contextmanager
def _opened() -> Iterator[tuple[Settings, Database, Clock]]:
    """Open settings, a migrated store and the clock."""
    from app.core import log
    from app.core.clock import Clock
    from app.core.db import Database, migrate
    from app.core.settings import load_settings

    log.configure()
    settings = load_settings()
    database = Database(settings.database)
    try:
        migrate(database)
        yield settings, database, Clock(settings.now)
    finally:
        database.dispose()


@contextmanager
def _progress() -> Iterator[Progress]:
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


def _print_json(document: Any) -> None:
    typer.echo(json.dumps(document, default=str, allow_nan=False))


def _print_table(header: list[str], rows: list[list[str]], *, left: int = 1) -> None:
    """Print aligned columns, the first `left` of them to the left: plain text, so that it can be piped."""
    widths = [max(len(row[at]) for row in [header, *rows]) for at in range(len(header))]
    for row in [header, *rows]:
        cells = [c.ljust(w) if at < left else c.rjust(w) for at, (c, w) in enumerate(zip(row, widths, strict=True))]
        typer.echo("  ".join(cells).rstrip())


if __name__ == "__main__":
    main()
