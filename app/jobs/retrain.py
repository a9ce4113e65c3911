"""The jobs about models: the contest, the proofs it may owe, the review of challengers, and MLflow's alias."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import CheckFailed, NoChampion, TrackingUnavailable
from app.core.progress import Progress, silent, within
from app.core.settings import Settings
from app.jobs import runs

if TYPE_CHECKING:
    import polars as pl

    from app.forecasts.prediction.forecaster import Forecaster
    from app.monitoring.report import Verdict
    from app.training.contest.contest import ContestResult

Outcome = dict[str, Any]


def forecaster(settings: Settings, database: Database, clock: Clock) -> Forecaster:
    """Return what makes forecasts where any process may be refreshing prices."""
    from app.forecasts.prediction.forecaster import Forecaster

    return Forecaster(settings, database, clock, is_refreshing=partial(runs.is_refreshing, database))


def contest(
    settings: Settings,
    database: Database,
    clock: Clock,
    progress: Progress,
    serve_first: Callable[[str], None] | None = None,
) -> ContestResult:
    """Run the contest; the first champion's walk-forward forecasts fill the empty ledger as replayed ones.

    With `serve_first` the very first champion is served before its proofs have run; it is called at that moment.
    """
    from app.forecasts.ledger.replay import replay
    from app.training.contest.contest import run_contest

    def fill(version: str, rows: pl.DataFrame, told: Progress = silent) -> None:
        replay(database, clock, rows, told, version)

    def serve(version: str, rows: pl.DataFrame) -> None:
        if serve_first:
            serve_first(version)
            fill(version, rows)

    told, first = within(progress, 0.0, 0.95), serve if serve_first else None
    prepare = forecaster(settings, database, clock).prepare
    result = run_contest(settings, database, clock, told, serve_first=first, prepare=prepare)
    if result.promoted:
        fill(result.version, result.out_of_fold, within(progress, 0.95, 1.0))
    return result


def train(
    settings: Settings,
    database: Database,
    clock: Clock,
    progress: Progress,
    serve_first: Callable[[str], None] | None = None,
) -> Outcome:
    """Run the contest, and say what came of it."""
    return _trained(contest(settings, database, clock, progress, serve_first))


def _trained(result: ContestResult) -> Outcome:
    names = ("winner", "version", "promoted", "verdict", "reason", "elapsed_s")
    return {name: getattr(result, name) for name in names}


def review(
    settings: Settings, database: Database, clock: Clock, progress: Progress, verdict: Verdict | None = None
) -> Outcome:
    """Let challengers win or lose, and retrain where it is due, before the next forecasts are made."""
    from app.monitoring.review import Reviewer
    from app.training.contest.contest import run_contest

    def retrain(recipe: str | None, at_once: bool, progress: Progress) -> Outcome:
        return _trained(run_contest(settings, database, clock, progress, recipe, at_once=at_once))

    found = Reviewer(settings, database, clock, retrain).review(verdict, within(progress, 0.0, 0.95))
    outcome = found.as_dict()
    if found.moved_to is not None:
        try:
            outcome["alias"] = alias(settings, database, clock, within(progress, 0.95, 1.0))
        except TrackingUnavailable as error:
            outcome["alias"] = {"error": error.detail}
    return outcome


def alias(settings: Settings, database: Database, clock: Clock, progress: Progress) -> Outcome:  # noqa: ARG001 - a Work
    """Let MLflow's alias follow a champion that was moved over HTTP, where MLflow isn't spoken."""
    from app.registry.promotion.pointer import Pointer
    from app.registry.promotion.tracking import Tracker

    tracker, told = Tracker(settings), None
    while (pointer := Pointer.read(settings.models_dir)) is not None and pointer.version != told:
        progress(0.0, f"{pointer.version} becomes MLflow's champion")
        known, told = tracker.set_champion(pointer.version), pointer.version
    return {"champion": told, "known_to_mlflow": told is not None and known}


def prove(settings: Settings, database: Database, clock: Clock, progress: Progress) -> Outcome:
    """Run the proofs that the champion owes, because a first run was stopped before they ended."""
    from app.registry.promotion.champion import Champion
    from app.training.contest.decision import Decision

    model = Champion(settings).current()
    if model is None:
        raise NoChampion("nobody is champion, so that nothing is to be proved; `nextclose train` makes one")
    held, reason = Decision(settings, database, clock, progress).settle(model)
    if not held:
        raise CheckFailed(f"version {model.card.version} isn't served any more: {reason}")
    return {"version": model.card.version, "reason": reason}
