"""The contest: every candidate walks forward over the same folds, and the best may become champion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from functools import cached_property
from time import perf_counter
from typing import Any

import polars as pl

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import TrackingUnavailable
from app.core.progress import Progress, silent, within
from app.core.settings import Settings
from app.registry.promotion.tracking import Tracker
from app.registry.versions import artefact
from app.registry.versions.card import Score
from app.registry.versions.model import Model
from app.training.contest import report
from app.training.contest.checkpoints import out_of_fold_rows
from app.training.contest.decision import Decision
from app.training.contest.parts import parts
from app.training.data.candidates import CANDIDATES, Candidate
from app.training.data.dataset import Dataset, newest_session, stored_dataset
from app.training.data.folds import REFIT_EVERY, folds
from app.training.evaluation import gate
from app.training.evaluation.evaluator import BASE, Evaluator, session_sums
from app.training.evaluation.selection import Choice, Standing, choose
from app.training.fitting.search import tried
from app.training.walk_forward.walk_forward import FoldForecast, Sink, WalkForward
from app.training.workers.pool import Pool, workers
from app.training.workers.program import code_fingerprint

CONTEST_DAYS = 12 * 365
"""A contest learns from the last twelve years: older markets cost time and teach little about tomorrow."""
REPLAYED_SESSIONS = 504
"""The last two years: what a contest hands down of its winner's out-of-fold forecasts."""


@dataclass(frozen=True)
class ContestRow:
    """One candidate's line in the table."""

    name: str
    score: Score
    seconds: float
    standing: Standing
    by_kind: Mapping[str, Score] = field(default_factory=dict)
    """Sessions that trade results first, and all others."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, score and standing flattened beside the name."""
        by_kind = {kind: score.model_dump() for kind, score in self.by_kind.items()}
        return {**asdict(self.standing), **self.score.model_dump(), "seconds": self.seconds, "by_kind": by_kind}


@dataclass(frozen=True)
class ContestResult:
    """The table, best CRPS first, and what was decided on it."""

    rows: tuple[ContestRow, ...]
    winner: str
    version: str
    promoted: bool
    verdict: str
    choice: str
    reason: str
    tries: int
    first_session: str
    last_session: str
    elapsed_s: float
    out_of_fold: pl.DataFrame = field(default_factory=pl.DataFrame, compare=False, repr=False)
    """The winner's forecasts of the last `REPLAYED_SESSIONS`, as `checkpoints.out_of_fold_rows` gives them."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values; each row's score is flattened beside its name, the forecasts are left out."""
        kept = {name: value for name, value in vars(self).items() if name != "out_of_fold"}
        return {**kept, "rows": [row.as_dict() for row in self.rows]}


@dataclass(frozen=True, eq=False)
class _Contest:
    """A contest that is through: what is decided on, recorded and shown."""

    dataset: Dataset
    evaluator: Evaluator
    ranked: list[report.Contestant]
    choice: Choice
    claim: gate.Claim
    model: Model
    out_of_fold: pl.DataFrame
    training: str

    @cached_property
    def table(self) -> tuple[ContestRow, ...]:
        return tuple(_row(one, self.choice.standing(one.candidate.name)) for one in self.ranked)

    @property
    def evidence(self) -> dict[str, Any]:
        claimed = {"training": self.training, "claim": asdict(self.claim), "tries": self.claim.tries}
        by_name = {one.candidate.name: one.metrics for one in self.ranked}
        kept = {"code": code_fingerprint(), "parts": parts(by_name)}
        return {**claimed, **kept, "contest": [row.as_dict() for row in self.table]}


ServeFirst = Callable[[str, pl.DataFrame], None]
"""Takes the version that has just become the very first champion, and its out-of-fold forecasts."""


def run_contest(
    settings: Settings,
    database: Database,
    clock: Clock,
    progress: Progress = silent,
    recipe: str | None = None,
    *,
    at_once: bool = True,
    serve_first: ServeFirst | None = None,
    prepare: Callable[[Model], None] = lambda _: None,
) -> ContestResult:
    """Train and judge every candidate on the stored bars, log to MLflow, save the winner, decide on promotion.

    A winner that fails a proof, or does worse than the champion in place on the same rows, is saved but not promoted.
    With a `recipe` that candidate alone is fitted again, beside the random walk. Without `at_once` the winner goes in
    shadow instead of being promoted, if there is a champion. With `serve_first` the very first winner, who takes
    nobody's place, is promoted and handed over as soon as the contest is through; proofs and MLflow follow, and one
    that fails a proof is withdrawn. Others go to `prepare` before. Errors: `TrackingUnavailable` when MLflow can't be
    used, before other work unless a first winner is served; `ClusterUnavailable`; `NoHistory` where bars are too few:
    where there are none, before MLflow is opened.
    """
    begun, tracker, newest = perf_counter(), Tracker(settings), newest_session(database)
    decision = Decision(settings, database, clock, within(progress, 0.8, 0.98), at_once, prepare)
    first = serve_first if serve_first and decision.is_first() else None
    if first is None:
        progress(0.0, "opening MLflow")
        tracker.connect()
    contest = _compete(settings, database, newest, clock, within(progress, 0.05, 0.75), recipe)
    model, evidence = contest.model, contest.evidence
    card, version = model.card, model.card.version
    if first and decision.serve_first(model, contest.choice, evidence):
        first(version, contest.out_of_fold)
        run = None
        with suppress(TrackingUnavailable):  # the proofs come first; it is asked for again below
            run = _log(tracker, settings, contest)
        promoted, reason = decision.settle(model, run)
        if run is None:
            tracker.connect(f"version {version} was {'proved' if promoted else 'withdrawn'}, and isn't recorded there")
            _log(tracker, settings, contest)
    else:
        progress(0.75, "writing to MLflow")
        evidence = evidence | {"mlflow_run": _log(tracker, settings, contest)}
        promoted, reason = decision.decide(contest.dataset, contest.evaluator, model, contest.choice, evidence)
    if promoted:
        tracker.set_champion(version)
    progress(1.0, f"{card.name} wins; {card.verdict}")
    return _result(contest, promoted=promoted, reason=reason, elapsed_s=round(perf_counter() - begun, 2))


def _compete(
    settings: Settings, database: Database, newest: date, clock: Clock, progress: Progress, recipe: str | None
) -> _Contest:
    """Walk the candidates, choose the winner and save it."""
    recent: list[FoldForecast] = []
    with workers(settings.cluster) as pool:
        progress(0.0, "building features")
        dataset = stored_dataset(database, newest - timedelta(days=CONTEST_DAYS))
        told, candidates = within(progress, 0.05, 0.95), of_recipe(recipe)
        evaluator, contestants = evaluate(dataset, told, recent.append, candidates, pool)
    ranked = sorted(contestants, key=lambda one: one.metrics.overall.crps or 0.0)
    choice = choose(*session_sums(evaluator))
    name = recipe or choice.winner
    winner = next(one for one in contestants if one.candidate.name == name)
    out_of_fold = _out_of_fold(dataset, [one for one in recent if one.name == name])  # 50 MB less than all of them
    rows = evaluator.rows(name)
    claim = gate.claim(rows, tried(CANDIDATES))
    model = report.model_of(winner, dataset, gate.verdict(rows, claim), claim.tries, REFIT_EVERY, clock.now())
    progress(0.97, f"saving {winner.candidate.name} {model.card.version}")
    artefact.save(model, settings.models_dir / model.card.version)
    return _Contest(dataset, evaluator, ranked, choice, claim, model, out_of_fold, "refit" if recipe else "contest")


def _result(contest: _Contest, *, promoted: bool, reason: str, elapsed_s: float) -> ContestResult:
    card = contest.model.card
    return ContestResult(
        rows=contest.table,
        winner=card.name,
        version=card.version,
        promoted=promoted,
        verdict=card.verdict,
        choice=str(contest.choice),
        reason=reason,
        tries=contest.claim.tries,
        first_session=card.trained_from.isoformat(),
        last_session=card.trained_through.isoformat(),
        elapsed_s=elapsed_s,
        out_of_fold=contest.out_of_fold,
    )


def _out_of_fold(dataset: Dataset, forecasts: list[FoldForecast]) -> pl.DataFrame:
    rows = out_of_fold_rows(dataset, forecasts)
    return rows.filter(pl.col("as_of") >= dataset.session(max(len(dataset.panel.days) - REPLAYED_SESSIONS, 0)))


def of_recipe(recipe: str | None) -> tuple[Candidate, ...]:
    """Return who takes part: all, or one with its parts and the random walk that it is judged beside."""
    if recipe is None:
        return CANDIDATES
    parts = next(one.parts for one in CANDIDATES if one.name == recipe)
    needed = {BASE, recipe, *(name for name, _ in parts)}
    return tuple(one for one in CANDIDATES if one.name in needed)


def evaluate(
    dataset: Dataset,
    progress: Progress = silent,
    keep: Sink = lambda _: None,
    candidates: tuple[Candidate, ...] = CANDIDATES,
    pool: Pool | None = None,
) -> tuple[Evaluator, list[report.Contestant]]:
    """Walk candidates through the folds, then fit each on everything known; `keep` gets the last two years'."""
    walk, evaluator = WalkForward(dataset, folds(dataset), candidates), Evaluator(dataset)

    def take(forecast: FoldForecast) -> None:
        evaluator(forecast)
        if forecast.calibrated and forecast.fold.stop > len(dataset.panel.days) - REPLAYED_SESSIONS:
            keep(forecast)

    walk.run(take, progress, pool=pool)
    return evaluator, [
        report.Contestant(one, walk.fitted[one.name], evaluator.metrics(one.name), walk.out_of_fold[one.name])
        for one in candidates
    ]


def _row(one: report.Contestant, standing: Standing) -> ContestRow:
    return ContestRow(standing.name, one.metrics.overall, one.out_of_fold.seconds, standing, one.metrics.by_kind)


def _log(tracker: Tracker, settings: Settings, contest: _Contest) -> str:
    """Record the contest and register its winner; return the run's id."""
    card = contest.model.card
    parent = report.parent_run(contest.training, card, contest.ranked)
    run_id = tracker.record(parent, [report.child_run(one) for one in contest.ranked])
    tracker.register(run_id, card.version, settings.models_dir / card.version, f"{card.name}: {card.verdict}")
    return run_id
