"""Commands around models: train, backtest, doctor, promote, rollback."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.cli.console import AsJson, normalised, number, open_store, print_report, progress_bar, table
from app.core.errors import NoChampion
from app.core.public import counted

if TYPE_CHECKING:
    from app.cli.console import OpenStore
    from app.core.progress import Progress
    from app.registry.versions.card import ModelCard, Score
    from app.training.contest.contest import ContestResult

_COLUMNS: dict[str, Callable[[Score], str]] = {
    "rows": lambda score: str(score.n),
    "MAE/RW": lambda score: number(score.mae_ratio, 4),
    "RMSE/RW": lambda score: number(score.rmse_ratio, 4),
    "R2 %": lambda score: number(score.r2_oos, 2, scale=100, sign=True),
    "hit %": lambda score: number(score.hit, 1, scale=100),
    "up %": lambda score: number(score.base_rate, 1, scale=100),
    "CRPS bp": lambda score: number(score.crps, 2, scale=1e4),
    "skill %": lambda score: number(score.crps_skill, 2, scale=100, sign=True),
    "95 % interval": lambda score: _interval(score.crps_skill_low, score.crps_skill_high),
    "50 %": lambda score: number(score.coverage_50, 1, scale=100),
    "80 %": lambda score: number(score.coverage_80, 1, scale=100),
    "95 %": lambda score: number(score.coverage_95, 1, scale=100),
}


Check = Literal["leakage", "placebo", "data", "ledger", "all"]
"""What `nextclose doctor` can prove."""


def train(*, as_json: AsJson = False) -> None:
    """Train all candidates; the best may become the champion.

    The contest: fit, judge walk-forward beside the random walk, log to MLflow, decide on promotion.
    """
    from app.core.progress import within
    from app.jobs import retrain

    with open_store() as here, progress_bar() as progress:
        result = retrain.contest(here.settings, here.database, here.clock, within(progress, 0.0, 0.95))
        made = _forecast_all(here, within(progress, 0.95, 1.0))
    document = {**result.as_dict(), "forecasts_made": made}
    print_report(document, _contest_lines(result), as_json=as_json, exit_code=1 if made is None else 0)


def _forecast_all(here: OpenStore, progress: Progress) -> int | None:
    """Forecast every symbol; None where the first winner was refused, and nobody can."""
    from app.forecasts.prediction.forecaster import Forecaster

    try:
        return Forecaster(here.settings, here.database, here.clock).forecast_all(progress)
    except NoChampion:
        return None


def _contest_lines(result: ContestResult) -> Iterator[str]:
    from app.training.evaluation import gate

    yield from _score_lines((row.name, row.score) for row in result.rows)
    yield "".join(_coverage_by_kind(result))
    designed = gate.DESIGNED
    yield (
        "\nMAE, RMSE: ratios to the random walk. CRPS in basis points of price, skill against the random walk.\n"
        "Hit: the side that the forecast favours was right; up: always saying that would have been.\n"
        f"{result.first_session} to {result.last_session}, walk-forward; {result.elapsed_s:.0f} s.\n"
        f"{result.tries} configurations tried: {result.tries - designed} in this contest, and {designed} while its "
        "candidates were designed.\n"
        f"Version {result.version} ({result.winner}): {result.verdict}."
    )
    yield f"promoted: {result.reason}" if result.promoted else f"{result.choice}.\nnot promoted: {result.reason}"


def _coverage_by_kind(result: ContestResult) -> Iterator[str]:
    """Say how often the winner's bands held on sessions that trade results first, and on all others."""
    names = {"event": "sessions that trade results first", "other": "all other sessions"}
    for kind, score in next(row.by_kind for row in result.rows if row.name == result.winner).items():
        shares = (number(held, 1, scale=100) for held in (score.coverage_50, score.coverage_80, score.coverage_95))
        yield f"\nThe winner's bands held {' / '.join(shares)} % on {names[kind]} ({counted(score.n, 'row')})."


def _score_lines(scores: Iterable[tuple[str, Score]]) -> Iterator[str]:
    rows = ([name, *(text(score) for text in _COLUMNS.values())] for name, score in scores)
    return table(["model", *_COLUMNS], rows)


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None else f"[{number(low, 1, scale=100)}, {number(high, 1, scale=100)}]"


def backtest(
    out: Annotated[
        Path, typer.Option(dir_okay=False, help="Parquet file to write, one row per symbol, model and session.")
    ],
    start: Annotated[
        datetime | None,
        typer.Option("--from", metavar="DATE", formats=["%Y-%m-%d"], help="First session used, as 2021-12-31."),
    ] = None,
    end: Annotated[
        datetime | None, typer.Option("--to", metavar="DATE", formats=["%Y-%m-%d"], help="Last session used.")
    ] = None,
    refit_every: Annotated[int, typer.Option(min=1, help="Sessions between refits.")] = 63,
    symbols: Annotated[
        str | None, typer.Option(help="Symbols, separated by commas; every stored one if not given.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Replay the served pipeline session by session. Nothing is known that was not known then."""
    from app.training.contest.backtest import run_backtest

    chosen = normalised(symbols.replace(",", " ").split()) if symbols else None
    first, last = start.date() if start else None, end.date() if end else None
    with open_store() as here, progress_bar() as progress:
        report = run_backtest(here.database, out, first, last, refit_every, chosen, progress, here.settings.cluster)
    period = f"{report.first_session} to {report.last_session}, {counted(report.refits, 'refit')}"
    lines = (*_score_lines(report.scores.items()), f"\n{counted(report.rows, 'row')}, {period}: {report.out}")
    print_report(report, lines, as_json=as_json)


def doctor(
    check: Annotated[Check, typer.Argument(metavar="CHECK", help="Which proof to run.")] = "all",
    release: Annotated[
        list[int] | None,
        typer.Option(metavar="NUMBER", help="Store this bar all the same; `doctor data` numbers those in quarantine."),
    ] = None,
    drop: Annotated[list[int] | None, typer.Option(metavar="NUMBER", help="Keep this bar out for good.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Prove what is claimed of models, prices and the ledger.

    No leak from the future, no skill where there is none, no broken bars, no changed row.
    """
    if release or drop:
        _decide(release or [], drop or [])
        return
    with open_store() as here, progress_bar() as progress:
        names: list[Check] = [check] if check != "all" else ["data", "ledger", "leakage", "placebo"]
        proofs = [_prove(name, here, progress) for name in names]
    document = [{"name": name, "passed": passed, "details": details} for name, passed, details in proofs]
    lines = (
        "\n".join([f"{name}: {'holds' if passed else 'FAILED'}", *(f"  {line}" for line in details)])
        for name, passed, details in proofs
    )
    print_report(document, lines, as_json=as_json, exit_code=0 if all(passed for _, passed, _ in proofs) else 1)


def _decide(release: list[int], drop: list[int]) -> None:
    """Release and drop bars in quarantine, all or none of them."""
    from app.prices.checks import quarantine

    with open_store() as here, here.database.write() as db:
        released = quarantine.release(db, release, here.clock.now())
        dropped = quarantine.drop(db, drop, here.clock.now())
    typer.echo(f"released {released}, dropped {dropped}")


def _prove(check: Check, here: OpenStore, progress: Progress) -> tuple[str, bool, list[str]]:
    """Return the proof's name, whether it holds, and a line per check."""
    if check == "data":
        from app.prices.checks.findings import examine

        found = examine(here.database, here.clock, progress)
        lines = [" ".join([f.rule, f.symbol or "", str(f.session or ""), f.detail]) for f in found]
        return check, not any(finding.fails for finding in found), [" ".join(line.split()) for line in lines]
    if check == "ledger":
        from app.forecasts.ledger import audit

        with here.database.read() as db:
            chains = audit.verify_chain(db)
        lines = [f"{chain.table}: {chain.broken or counted(chain.rows, 'row') + ', none changed'}" for chain in chains]
        return check, all(chain.intact for chain in chains), lines
    from app.training.proofs.leakage import leakage
    from app.training.proofs.placebo import placebo

    if check == "leakage":
        proof = leakage(here.settings, here.database, progress)
    else:
        proof = placebo(progress, cluster=here.settings.cluster)
    return proof.name, proof.passed, list(proof.details)


def promote(
    version: Annotated[
        str, typer.Argument(metavar="VERSION", help="One that `nextclose status` or the models page lists.")
    ],
    reason: Annotated[str, typer.Option(help="Why; kept with the decision.")] = "promoted by hand",
) -> None:
    """Make a version the champion by hand. It forecasts every stored symbol first."""
    from app.registry.promotion import champion

    with open_store() as here:
        now, prepare = here.clock.now(), here.forecaster().prepare
        _print_moved(here, champion.promote(here.settings, here.database, version, reason, {}, now, prepare))


def rollback(reason: Annotated[str, typer.Option(help="Why; kept with the decision.")] = "rolled back by hand") -> None:
    """Return to the champion before this one."""
    from app.registry.promotion import champion

    with open_store() as here:
        now, prepare = here.clock.now(), here.forecaster().prepare
        _print_moved(here, champion.rollback(here.settings, here.database, reason, now, prepare=prepare))


def _print_moved(here: OpenStore, card: ModelCard) -> None:
    """Say which version is served now, and let MLflow's alias follow."""
    from app.registry.promotion.tracking import Tracker

    typer.echo(f"champion is version {card.version} ({card.name}): {card.verdict}")
    Tracker(here.settings).set_champion(card.version)
