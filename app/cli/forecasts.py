"""Commands around forecasts: predict, score."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer

from app.cli.console import (
    AsJson,
    SymbolNames,
    number,
    open_store,
    print_error,
    print_report,
    progress_bar,
    stocks,
    table,
)
from app.core.errors import NextcloseError
from app.core.public import counted, day, percent

if TYPE_CHECKING:
    from app.core.db import Database
    from app.forecasts.ledger.forecast import Forecast
    from app.forecasts.prediction.forecaster import Forecaster
    from app.monitoring.outcomes import Watch

_HEADER = ("symbol", "as of", "target", "last close", "forecast", "P(up) %", "50 %", "80 %", "95 %")


def predict(names: SymbolNames, *, as_json: AsJson = False) -> None:
    """Forecast the next close of each symbol with the champion."""
    wanted = stocks(names)
    with open_store() as here:
        forecaster = here.forecaster()
        found = forecaster.latest_many(wanted)
        made = [item for item in found if not isinstance(item, NextcloseError)]
        owing = _owing(here.database, made)
        documents = [_document(item, forecaster, owing) for item in made] if as_json else []
    errors = {name: item for name, item in zip(wanted, found, strict=True) if isinstance(item, NextcloseError)}
    missed = [{"symbol": name, "code": error.code, "detail": error.detail} for name, error in errors.items()]
    print_report({"predictions": documents, "errors": missed}, _lines(made, owing), as_json=as_json)
    for error in errors.values():
        print_error(error.detail)
    if errors:
        raise typer.Exit(1)


def _owing(database: Database, made: list[Forecast]) -> set[str]:
    """Return the versions behind forecasts that are served while their proofs are still to come."""
    from app.registry.promotion.proofs import proofs_of

    with database.read() as db:
        found = proofs_of(db, sorted({one.model_version for one in made}))
    return {version for version, proofs in found.items() if proofs.owed}


def _lines(made: list[Forecast], owing: set[str]) -> Iterator[str]:
    """Yield a line a forecast, and what is said of the version that made them; nothing where there is none."""
    if made:
        yield from table(_HEADER, map(_cells, made), left=3)
        yield ""
        yield from sorted({_used(one, owing) for one in made})


def _used(one: Forecast, owing: set[str]) -> str:
    """Say which version made a forecast, its verdict, and what speaks against it now."""
    from app.registry.versions.stored import is_expired

    line = f"version {one.model_version} ({one.model_name}): {one.verdict}"
    if one.model_version in owing:
        line += "; its proofs are still to come, and it is withdrawn if one fails"
    if is_expired(one.trained_through, one.as_of):
        line += f"; it has expired: it learnt through {day(one.trained_through)}"
    return line


def _cells(one: Forecast) -> list[Any]:
    closes = [f"{close:.2f}" for close in (one.last_close, one.predicted_close)]
    bands = [f"{band.lower:.2f} .. {band.upper:.2f}" for band in one.intervals()]
    return [one.symbol, one.as_of, one.target_session, *closes, number(one.prob_up, 1, scale=100), *bands]


def _document(forecast: Forecast, forecaster: Forecaster, owing: set[str]) -> dict[str, Any]:
    """Return the forecast as `/predict` answers it."""
    from app.web.predictions.schemas import Prediction

    situation = forecaster.situations([forecast])[0]
    owed = forecast.model_version in owing
    made = Prediction.of_newest(forecast, forecaster.freshness(forecast), situation, proofs_owed=owed)
    return made.model_dump(mode="json")


def monitor(*, as_json: AsJson = False) -> None:
    """Say how what is served holds up.

    Claims on live forecasts, drift, data and jobs; exit code 1 when degraded.
    """
    from pydantic import TypeAdapter

    from app.jobs import work

    with open_store() as here, progress_bar() as progress:
        report = work.monitoring_report(here.settings, here.database, here.clock, progress)
    header = ("claim", "sessions", "allowed", "last month", "of an alarm", "alarms")
    lines = (
        *(report.verdict, *(f"  {reason}" for reason in report.reasons), ""),
        *table(header, (line for claim in report.claims for line in _claim(claim))),
        f"\nAny false alarm while all claims hold: in {percent(report.false_alarms, 0)} of years at most.",
    )
    document = TypeAdapter(type(report)).dump_python(report, mode="json")
    print_report(document, lines, as_json=as_json, exit_code=1 if report.verdict == "degraded" else 0)


def _claim(claim: Watch) -> Iterator[list[Any]]:
    """Yield a line of all symbols, and one a third of them where there are enough."""
    for one in claim.lines():
        name = claim.name if one["group"] == "all" else f"  {one['group']} third"
        figures = (number(one["allowed"], 1, scale=100), number(one["recent"], 1, scale=100), number(one["value"], 2))
        yield [name, one["sessions"], *figures, one["alarms"]]


def score(*, as_json: AsJson = False) -> None:
    """Settle every forecast whose close is now known."""
    from app.forecasts.ledger.scoring import score_due

    with open_store() as here, progress_bar() as progress:
        scored = score_due(here.database, here.clock, progress)
    print_report({"scored": scored}, [f"scored {counted(scored, 'forecast')}"], as_json=as_json)
