"""Commands around earnings days: show what is known, import files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from app.cli.console import AsJson, normalised, open_store, print_report, table
from app.core.public import counted

if TYPE_CHECKING:
    from app.prices.refresh.import_files import EventsReport

SHOW = "show"
IMPORT = "import"
_NO_DAYS = "no earnings days are known; `nextclose refresh` asks for them, `nextclose events import` reads files"


class ShowsByDefault(TyperGroup):
    """A group whose first argument may be a symbol: whatever names no other command is asked of `show`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `show` before arguments that name no command; Typer's own context class has no public name."""
        named = bool(args) and (args[0] == IMPORT or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if named else [SHOW, *args])


events_app = typer.Typer(cls=ShowsByDefault, help="Show the earnings days that are known, or import some.")


@events_app.command(SHOW)
def show(
    symbols: Annotated[list[str] | None, typer.Argument(metavar="SYMBOL", help="All symbols if not given.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show the days that are known.

    Those to come stand first, the nearest at the top, then past ones, the newest first.

    `show` needn't be reports: `nextclose events AAPL`.
    """
    from app.core.clock import calendar
    from app.prices import store

    wanted = normalised(symbols) if symbols else None
    with open_store() as here:
        today = here.clock.now().astimezone(calendar().timezone).date()
        with here.database.read() as db:
            known = store.earnings_days(db, wanted)
    coming = [one for one in known if one.date >= today]
    ordered = [*coming, *(one for one in reversed(known) if one.date < today)]
    rows = [[one.symbol, one.date, one.timing, f"{one.known_at:%Y-%m-%d %H:%M}", one.source] for one in ordered]
    lines = table(["symbol", "date", "timing", "known since (UTC)", "source"], rows, left=5)
    print_report(ordered, lines if ordered else [_NO_DAYS], as_json=as_json, exit_code=0 if ordered else 1)


@events_app.command(IMPORT)
def import_days(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="CSV (also .csv.gz) or Parquet files.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Store earnings days from CSV or Parquet files.

    Columns: symbol,date[,timing][,known_at], in any order and case.
    """
    from app.prices.refresh.import_files import import_events

    with open_store() as here:
        reports = import_events(here.database, files, here.clock)
    print_report(reports, map(_line, reports), as_json=as_json)


def _line(report: EventsReport) -> str:
    kept = report.kept
    counts = {"new": kept.new, "corrected": kept.revised, "ended": kept.ended, "unchanged": kept.unchanged}
    reported = ", ".join(f"{number:,} {name}" for name, number in counts.items() if number)
    return f"{report.path}: {counted(report.days, 'day')} of {counted(report.symbols, 'symbol')}; {reported}"
