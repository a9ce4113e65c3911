"""Commands around forecasts: predict, score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from app.cli.console import (
    AsJson,
    SymbolNames,
    number,
    open_store,
    print_error,
    print_json,
    print_table,
    progress_bar,
    stocks,
)
from app.core.errors import NextcloseError

if TYPE_CHECKING:
    from app.forecasts.ledger.forecast import Forecast
    from app.forecasts.prediction.forecaster import Forecaster
    from app.monitoring.outcomes import Watch


def predict(names: SymbolNames, *, as_json: AsJson = False) -> None:
    """Forecast the next session's close of each symbol with the champion."""
    from functools import partial

    from app.forecasts.prediction.forecaster import Forecaster
    from app.jobs import runs

    wanted = stocks(names)
    with open_store() as here:
        is_refreshing = partial(runs.is_refreshing, here.database)
        forecaster = Forecaster(here.settings, here.database, here.clock, is_refreshing=is_refreshing)
        found = forecaster.latest_many(wanted)
        made = [item for item in found if not isinstance(item, NextcloseError)]
        documents = [_document(item, forecaster) for item in made] if as_json else []
    errors = {name: item for name, item in zip(wanted, found, strict=True) if isinstance(item, NextcloseError)}
    if as_json:
        missed = [{"symbol": name, "code": error.code, "detail": error.detail} for name, error in errors.items()]
        print_json({"predictions": documents, "errors": missed})
    elif made:
        header = ("symbol", "as of", "target", "last close", "forecast", "P(up) %", "50 %", "80 %", "95 %")
        print_table(header, [_line(item) for item in made], left=3)
        typer.echo("\n" + "\n".join(sorted({f"version {f.model_version} ({f.model_name}): {f.verdict}" for f in made})))
    for error in errors.values():
        print_error(error.detail)
    if errors:
        raise typer.Exit(1)


def _line(forecast: Forecast) -> list[str]:
    bands = [f"{item.lower:.2f} .. {item.upper:.2f}" for item in forecast.intervals()]
    return [
        forecast.symbol,
        forecast.as_of.isoformat(),
        forecast.target_session.isoformat(),
        f"{forecast.last_close:.2f}",
        f"{forecast.predicted_close:.2f}",
        number(forecast.prob_up, 1, scale=100),
        *bands,
    ]


def _document(forecast: Forecast, forecaster: Forecaster) -> dict[str, Any]:
    """Return the forecast as `/predict` answers it."""
    from app.web.predictions.schemas import Prediction

    situation = forecaster.situations([forecast])[0]
    return Prediction.of_newest(forecast, forecaster.freshness(forecast), situation).model_dump(mode="json")


def monitor(*, as_json: AsJson = False) -> None:
    """Say how what is served holds up: claims on live forecasts, drift, data and jobs; exit code 1 when degraded."""
    from pydantic import TypeAdapter

    from app.jobs import work

    with open_store() as here, progress_bar() as progress:
        report = work.monitoring_report(here.settings, here.database, here.clock, progress)
    if as_json:
        print_json(TypeAdapter(type(report)).dump_python(report, mode="json"))
    else:
        typer.echo("\n".join([report.verdict, *(f"  {reason}" for reason in report.reasons), ""]))
        header = ("claim", "sessions", "allowed", "last month", "of an alarm", "alarms")
        print_table(header, [_claim(claim) for claim in report.claims])
        typer.echo(f"\nAny false alarm while all claims hold: in {report.false_alarms:.0%} of years at most.")
    if report.verdict == "degraded":
        raise typer.Exit(1)


def _claim(claim: Watch) -> list[str]:
    figures = (number(claim.allowed, 1, scale=100), number(claim.recent, 1, scale=100), number(claim.value, 2))
    return [claim.name, str(claim.sessions), *figures, str(len(claim.alarms))]


def score(*, as_json: AsJson = False) -> None:
    """Settle every forecast whose close is now known."""
    from app.forecasts.ledger.scoring import score_due

    with open_store() as here, progress_bar() as progress:
        scored = score_due(here.database, here.clock, progress)
    if as_json:
        print_json({"scored": scored})
    else:
        typer.echo(f"scored {scored} forecast{'' if scored == 1 else 's'}")
