"""The command line: each command is a few lines over the rooms.

Heavy imports stand inside the commands, so that `nextclose --help` answers at once. Reports go to stdout, logs and
progress to stderr; `--json` prints one JSON document instead of text.
"""

import os
import sys

import typer

from app.cli import alerts, copy_store, events, forecasts, models, prices, service
from app.cli.console import print_error
from app.core.errors import NextcloseError

app = typer.Typer(
    name="nextclose",
    help="Forecast the next session's closing price of many stocks, and keep score of it.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help: rich would double the time of `--help`
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    *(service.serve, service.settings, service.status),
    *(prices.refresh, prices.import_files),
    *(models.train, models.backtest, models.doctor, models.promote, models.rollback),
    *(forecasts.predict, forecasts.score, forecasts.monitor),
    copy_store.copy_store,
):
    app.command(command.__name__.removesuffix("_files").replace("_", "-"))(command)
app.add_typer(prices.symbols_app, name="symbols")
app.add_typer(events.events_app, name="events")
app.add_typer(alerts.alerts_app, name="alerts")


def main() -> None:
    """Run the command line; one line on stderr and the documented exit code when something is wrong."""
    try:
        app()
    except NextcloseError as error:
        print_error(error.detail)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print_error("stopped")
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
