"""Commands around prices: refresh, import, symbols."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import AsJson, SymbolNames, normalised, open_store, print_report, progress_bar, table
from app.core.public import counted

if TYPE_CHECKING:
    from app.prices.outcomes import RefreshReport
    from app.prices.refresh.import_files import FileReport

_NAMED = 5
"""So many of the symbols that share a detail are named."""

symbols_app = typer.Typer(help="Show or change the watchlist.", invoke_without_command=True)


def refresh(
    symbols: Annotated[list[str] | None, typer.Argument(metavar="SYMBOL", help="The watchlist if not given.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Bring prices up to the last final session. Series and earnings days follow; one report line a symbol."""
    from app.prices.refresh.beside import refresh_beside
    from app.prices.refresh.first_run import seed
    from app.prices.refresh.run import refresh as run
    from app.prices.sources.factory import open_source

    with open_store() as here, progress_bar() as progress:
        seed(here.settings, here.database, here.clock)
        wanted, source = normalised(symbols) if symbols else None, open_source(here.settings)
        prices = run(here.database, source, here.clock, wanted, progress)
        beside = refresh_beside(here.settings, here.database, source, here.clock, prices, wanted)
        reports = [*prices, *beside]
    names = ("symbol", "outcome", "added", "changed", "last")
    lines = [*table(names, [[getattr(report, name) for name in names] for report in reports], left=2), *_told(reports)]
    print_report(reports, lines, as_json=as_json, exit_code=_refresh_code([report.outcome for report in prices]))


def _told(reports: list[RefreshReport]) -> Iterator[str]:
    """Yield each detail once, behind the first symbols that it is told of."""
    from app.prices.outcomes import common

    told: dict[str, list[str]] = {}
    for report in reports:
        told.setdefault(common(report.detail, report.symbol), []).append(report.symbol)
    told.pop("", None)
    for detail, names in told.items():
        more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
        yield f"{' '.join(names[:_NAMED])}{more}: {detail}"


def _refresh_code(outcomes: list[str]) -> int:
    """Return 0 when any symbol is up to date, 3 when the source failed, 1 when it answered that there is nothing."""
    if not outcomes or {"updated", "unchanged", "closed"} & set(outcomes):
        return 0
    from app.prices.outcomes import DOWN

    return 3 if DOWN & set(outcomes) else 1


def import_files(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="CSV (also .csv.gz) or Parquet files.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Store bars from CSV or Parquet files.

    Columns: symbol,date,open,high,low,close,volume[,adj_close], in any order and case.
    """
    from app.prices.refresh import import_files as room

    with open_store() as here, progress_bar() as progress:
        report = room.import_files(here.database, files, here.clock, progress)
    stored = f"{counted(report.stored, 'bar')} stored of {counted(report.rows, 'row')}"
    total = f"{counted(report.symbols, 'symbol')}, {stored}, {report.elapsed_s:.1f} s"
    print_report(report, [*map(_import_line, report.files), total], as_json=as_json)


def _import_line(file: FileReport) -> str:
    counts = {"new": file.stored, "changed": file.changed, "unchanged": file.unchanged, "not final": file.not_final}
    counts |= {f"quarantined as {rule}": number for rule, number in file.quarantined.items()}
    found = ", ".join(f"{number:,} {name}" for name, number in counts.items() if number)
    read = f"{counted(file.rows, 'row')} read, {counted(len(file.symbols), 'symbol')}"
    return f"{file.path}: {read}; {found or 'nothing to store'}"


@symbols_app.callback()
def show(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show the watchlist; `add` and `remove` change it."""
    if context.invoked_subcommand is not None:
        return
    from app.prices import store
    from app.prices.refresh.first_run import seed

    with open_store() as here:
        seed(here.settings, here.database, here.clock)
        with here.database.read() as db:
            found = [status for status in store.statuses(db) if status.watched]
    names = ("symbol", "first", "last", "bars", "source", "name")
    print_report(found, table(names, [[getattr(one, name) for name in names] for one in found]), as_json=as_json)


@symbols_app.command()
def add(names: SymbolNames) -> None:
    """Put symbols on the watchlist. `nextclose refresh` fetches their prices."""
    from app.prices import store
    from app.prices.refresh.first_run import seed

    wanted = normalised(names)
    with open_store() as here:
        seed(here.settings, here.database, here.clock)
        with here.database.write() as db:
            store.watch(db, wanted, here.clock.now())
    typer.echo(f"watching {' '.join(wanted)}")


@symbols_app.command()
def remove(names: SymbolNames) -> None:
    """Take symbols off the watchlist; their prices and forecasts stay."""
    from app.prices import store

    wanted = normalised(names)
    with open_store() as here, here.database.write() as db:
        store.unwatch(db, wanted)
    typer.echo(f"no longer watching {' '.join(wanted)}")
