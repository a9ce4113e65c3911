"""Commands around models: train, backtest, doctor, promote, rollback."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.edge import AsJson, figure, normalised, opened, print_json, print_table, progress_bar
from app.core.errors import NoChampion

if TYPE_CHECKING:
    from app.cli.edge import Opened
    from app.core.progress import Progress
    from app.registry.versions.card import ModelCard, Score
    from app.training.contest.contest import ContestResult

HEADER = (
    "model",
    "rows",
    "MAE/RW",
    "RMSE/RW",
    "R2 %",
    "hit %",
    "up %",
    "CRPS bp",
    "skill %",
    "95 % interval",
    "50 %",
    "80 %",
    "95 %",
)


class Check(StrEnum):
    """What `nextclose doctor` can prove."""

    LEAKAGE = "leakage"
    PLACEBO = "placebo"
    DATA = "data"
    ALL = "all"


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command()(train)
    app.command()(backtest)
    app.command()(doctor)
    app.command()(promote)
    app.command()(rollback)


def train(*, as_json: AsJson = False) -> None:
    """Run the contest: fit, judge walk-forward beside the random walk, log to MLflow, decide on promotion."""
    from app.core.progress import within
    from app.training.contest.contest import run_contest

    with opened() as here, progress_bar() as progress:
        result = run_contest(here.settings, here.database, here.clock, within(progress, 0.0, 0.95))
        made = _forecast_all(here, within(progress, 0.95, 1.0))
    if as_json:
        print_json({**result.as_dict(), "forecasts_made": made})
    else:
        _print_contest(result)
    if made is None:
        raise typer.Exit(1)


def _forecast_all(here: Opened, progress: Progress) -> int | None:
    """Forecast every symbol; None where the first winner was refused, and nobody can."""
    from app.forecasts.forecaster import Forecaster

    try:
        return Forecaster(here.settings, here.database, here.clock).forecast_all(progress)
    except NoChampion:
        return None


def _print_contest(result: ContestResult) -> None:
    from app.training.evaluation import gate

    print_table(HEADER, [_score_line(row.name, row.score) for row in result.rows])
    designed = gate.DESIGNED
    typer.echo(
        "\nMAE, RMSE: ratios to the random walk. CRPS in basis points of price, skill against the random walk.\n"
        "Hit: the side that the forecast favours was right; up: always saying that would have been.\n"
        f"{result.first_session} to {result.last_session}, walk-forward; {result.elapsed_s:.0f} s.\n"
        f"{result.tries} configurations tried: {result.tries - designed} in this contest, and {designed} while its "
        "candidates were designed.\n"
        f"Version {result.version} ({result.winner}): {result.verdict}.\n{result.reason}"
    )


def _score_line(name: str, score: Score) -> list[str]:
    interval = f"[{figure(score.crps_skill_low, 1, scale=100)}, {figure(score.crps_skill_high, 1, scale=100)}]"
    return [
        name,
        str(score.n),
        figure(score.mae_ratio, 4),
        figure(score.rmse_ratio, 4),
        figure(score.r2_oos, 2, scale=100, sign=True),
        figure(score.hit, 1, scale=100),
        figure(score.base_rate, 1, scale=100),
        figure(score.crps, 2, scale=1e4),
        figure(score.crps_skill, 2, scale=100, sign=True),
        interval if score.crps_skill_low is not None else "",
        *(figure(share, 1, scale=100) for share in (score.coverage_50, score.coverage_80, score.coverage_95)),
    ]


def backtest(
    out: Annotated[
        Path, typer.Option(dir_okay=False, help="Parquet file to write, one row per symbol, model and session.")
    ],
    start: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First session used.")] = None,
    end: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last session used.")] = None,
    refit_every: Annotated[int, typer.Option(min=1, help="Sessions between refits.")] = 63,
    symbols: Annotated[
        str | None, typer.Option(help="Symbols, separated by commas; every stored one if not given.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Replay the served pipeline session by session, nothing known that was not known then."""
    from app.training.contest.backtest import run_backtest

    chosen = normalised(symbols.replace(",", " ").split()) if symbols else None
    first, last = start.date() if start else None, end.date() if end else None
    with opened() as here, progress_bar() as progress:
        report = run_backtest(here.settings, here.database, out, first, last, refit_every, chosen, progress)
    if as_json:
        print_json({**asdict(report), "scores": {name: score.model_dump() for name, score in report.scores.items()}})
        return
    print_table(HEADER, [_score_line(name, score) for name, score in report.scores.items()])
    typer.echo(
        f"\n{report.rows} rows, {report.first_session} to {report.last_session}, {report.refits} refits: {report.out}"
    )


def doctor(
    check: Annotated[Check, typer.Argument(help="Which proof to run.")] = Check.ALL,
    release: Annotated[list[int] | None, typer.Option(help="Store this bar from quarantine all the same.")] = None,
    drop: Annotated[list[int] | None, typer.Option(help="Keep this bar in quarantine out for good.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Prove what is claimed: no leak from the future, no skill where there is none, no broken bars."""
    if release or drop:
        _decide(release or [], drop or [])
        return
    with opened() as here, progress_bar() as progress:
        proofs = [_PROOFS[name](here, progress) for name in ([check] if check != Check.ALL else list(_PROOFS))]
    if as_json:
        print_json([{"name": name, "passed": passed, "details": details} for name, passed, details in proofs])
    else:
        for name, passed, details in proofs:
            typer.echo("\n".join([f"{name}: {'holds' if passed else 'FAILED'}", *(f"  {line}" for line in details)]))
    if not all(passed for _, passed, _ in proofs):
        raise typer.Exit(1)


def _decide(release: list[int], drop: list[int]) -> None:
    """Release and drop bars in quarantine, all or none of them."""
    from app.prices.checks import quarantine

    with opened() as here, here.database.write() as db:
        released = quarantine.release(db, release, here.clock.now())
        dropped = quarantine.drop(db, drop, here.clock.now())
    typer.echo(f"released {released}, dropped {dropped}")


def _leakage(here: Opened, progress: Progress) -> tuple[str, bool, list[str]]:
    from app.training.proofs import proofs

    proof = proofs.leakage(here.settings, here.database, progress)
    return proof.name, proof.passed, list(proof.details)


def _placebo(_: Opened, progress: Progress) -> tuple[str, bool, list[str]]:
    from app.training.proofs import proofs

    proof = proofs.placebo(progress)
    return proof.name, proof.passed, list(proof.details)


def _data(here: Opened, progress: Progress) -> tuple[str, bool, list[str]]:
    from app.prices.checks.findings import examine

    found = examine(here.database, here.clock, progress)
    lines = [" ".join([f.rule, f.symbol or "", str(f.session or ""), f.detail]) for f in found]
    return "data", not any(finding.fails for finding in found), [" ".join(line.split()) for line in lines]


_PROOFS = {Check.DATA: _data, Check.LEAKAGE: _leakage, Check.PLACEBO: _placebo}


def promote(
    version: Annotated[str, typer.Argument(help="A version listed by `nextclose status` or on the models page.")],
    reason: Annotated[str, typer.Option(help="Why; kept with the decision.")] = "promoted by hand",
) -> None:
    """Move the champion by hand."""
    from app.registry.promotion import champion

    with opened() as here:
        _tell_moved(here, champion.promote(here.settings, here.database, version, reason, {}, here.clock.now()))


def rollback(reason: Annotated[str, typer.Option(help="Why; kept with the decision.")] = "rolled back by hand") -> None:
    """Return to the champion before this one."""
    from app.registry.promotion import champion

    with opened() as here:
        _tell_moved(here, champion.rollback(here.settings, here.database, reason, here.clock.now()))


def _tell_moved(here: Opened, card: ModelCard) -> None:
    """Say which version is served now, and let MLflow's alias follow."""
    from app.registry.promotion.tracking import Tracker

    typer.echo(f"champion is version {card.version} ({card.name}): {card.verdict}")
    Tracker(here.settings).point(card.version)
