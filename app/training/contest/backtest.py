"""The served pipeline replayed session by session, nothing known that was not known then.

The walk of the contest over all stored bars, written out: every candidate, and as `champion` the one that a contest at
the fold's start would have chosen by all that was settled then. A finished fold is kept in a folder beside the output
until the end, so a stopped run goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter

import numpy as np
import polars as pl
from numpy.typing import NDArray

from app.core.db import Database
from app.core.errors import BadInput, NoHistory
from app.core.progress import Progress, silent, within
from app.registry.versions.card import Score
from app.training.contest.checkpoints import Checkpoints, contract_rows
from app.training.data.candidates import CANDIDATES
from app.training.data.dataset import Dataset, newest_session, stored_dataset
from app.training.data.folds import REFIT_EVERY, Fold, folds
from app.training.evaluation.evaluator import Evaluator, session_sums
from app.training.evaluation.metrics import ScoredRows, score
from app.training.evaluation.selection import choose
from app.training.walk_forward.walk_forward import FoldForecast, WalkForward
from app.training.workers.pool import Pool, workers

CHAMPION = "champion"
UNPROVEN = "volatility"
"""Served as champion before the first out-of-fold loss is known."""
BEFORE_DAYS = 12 * 365
"""A backtest from a day on learns from the bars of twelve years before it at most, as a contest does."""


@dataclass(frozen=True)
class BacktestReport:
    """What was written, and every model's score over it."""

    out: str
    rows: int
    first_session: str
    last_session: str
    refits: int
    scores: dict[str, Score]
    elapsed_s: float


def run_backtest(
    database: Database,
    out: Path,
    start: date | None = None,
    end: date | None = None,
    refit_every: int = REFIT_EVERY,
    symbols: Sequence[str] | None = None,
    progress: Progress = silent,
    cluster: str | None = None,
) -> BacktestReport:
    """Write one row per (symbol, model, as_of in [start, end]) to `out`, with all candidates and the champion.

    Refits fall on every `refit_every`-th session counted from the panel's first, so later data changes no row. All
    stored symbols are learnt from; `symbols` says which are written. Errors: `NoHistory` when nothing can be forecast
    in that time, `BadInput` when `out` can't be written, the time ends before it starts, or `refit_every` is too long,
    `ClusterUnavailable`.
    """
    begun = perf_counter()
    with workers(cluster) as pool:
        progress(0.0, "building features")
        dataset = _dataset(database, start, end)
        schedule = folds(dataset, refit_every)
        checkpoints = Checkpoints(out, _key(dataset, refit_every))
        evaluator = _walk(dataset, schedule, refit_every, checkpoints, within(progress, 0.05, 0.9), pool)
    progress(0.92, f"writing {out}")
    wanted = _wanted(dataset, start, end, symbols)
    served = champions(dataset, schedule, evaluator)
    written = _write(dataset, schedule, checkpoints, served, out, wanted)
    if not written:
        raise NoHistory("no forecast falls into that time: the first needs about two years of bars before it")
    scores = _scores(evaluator, served, wanted)
    checkpoints.clear()
    progress(1.0, f"{written} rows in {out}")
    span = pl.scan_parquet(out).select(first=pl.col("as_of").min(), last=pl.col("as_of").max()).collect().row(0)
    return BacktestReport(
        out=str(out),
        rows=written,
        first_session=span[0].isoformat(),
        last_session=span[1].isoformat(),
        refits=len(schedule) - 1,
        scores=scores,
        elapsed_s=round(perf_counter() - begun, 2),
    )


def _dataset(database: Database, start: date | None, end: date | None) -> Dataset:
    """Return what to learn from and to forecast on; raises `NoHistory` for a time that the bars don't reach."""
    if start and end and start > end:
        raise BadInput(f"the first session, {start}, lies after the last, {end}")
    newest = newest_session(database)
    if start and start > newest:
        raise NoHistory(f"the stored bars end on {newest}: there is nothing to forecast from {start} on")
    reaches_back = start is not None and start.toordinal() > BEFORE_DAYS
    dataset_from = start - timedelta(days=BEFORE_DAYS) if start and reaches_back else None
    try:
        return stored_dataset(database, dataset_from, end)
    except NoHistory as error:
        raise NoHistory(f"no stored bar is as old as {end}: there is nothing to forecast up to then") from error


def _key(dataset: Dataset, refit_every: int) -> str:
    """Return what must agree for kept folds to be used: the bars, the schedule, the recipes."""
    recipe = {"bars": dataset.fingerprint, "every": refit_every, "candidates": [str(one) for one in CANDIDATES]}
    return hashlib.sha256(json.dumps(recipe).encode()).hexdigest()


def _walk(
    dataset: Dataset, schedule: list[Fold], refit_every: int, checkpoints: Checkpoints, progress: Progress, pool: Pool
) -> Evaluator:
    """Walk the folds that aren't kept yet; the evaluator knows them all at the end."""
    walk, evaluator = WalkForward(dataset, schedule, CANDIDATES, refit_every), Evaluator(dataset)
    kept = [fold for fold in schedule if checkpoints.has(fold)]
    for fold in kept:
        for forecast in checkpoints.forecasts(fold):
            walk.take(forecast)
            evaluator(forecast)
    fresh: list[FoldForecast] = []

    def take(forecast: FoldForecast) -> None:
        evaluator(forecast)
        fresh.append(forecast)
        if len(fresh) == len(CANDIDATES):
            checkpoints.save(dataset, fresh)
            fresh.clear()

    walk.run(take, _with_time_left(progress), done=[fold.start for fold in kept], pool=pool)
    return evaluator


def _with_time_left(progress: Progress) -> Progress:
    """Add to each message how long the rest will take at the pace so far."""
    begun = perf_counter()

    def report(fraction: float, message: str) -> None:
        spent = perf_counter() - begun
        left = f", about {spent / fraction * (1.0 - fraction):.0f} s left" if fraction > 0.05 else ""  # noqa: PLR2004
        progress(fraction, message + left)

    return report


def _wanted(dataset: Dataset, start: date | None, end: date | None, symbols: Sequence[str] | None) -> NDArray[np.bool_]:
    """Say of each row of the dataset whether it is written."""
    written = pl.col("session").is_between(start or date.min, end or date.max)
    if symbols:
        written &= pl.col("symbol").is_in(symbols)
    return dataset.panel.frame.select(written).to_series().to_numpy()


def champions(dataset: Dataset, schedule: list[Fold], evaluator: Evaluator) -> dict[int, str]:
    """Return who would have been served in each fold, by number: a contest's choice on the rows settled before it."""
    whole_and_events = session_sums(evaluator)
    chosen: dict[int, str] = {}
    for fold in schedule:
        settled = int(dataset.settled[fold.start])
        known = [{name: sums.before(settled) for name, sums in part.items()} for part in whole_and_events]
        judged = any(len(sums.session) for sums in known[0].values())
        chosen[fold.number] = choose(*known).winner if judged else UNPROVEN
    return chosen


def _write(
    dataset: Dataset,
    schedule: list[Fold],
    checkpoints: Checkpoints,
    served: dict[int, str],
    out: Path,
    wanted: NDArray[np.bool_],
) -> int:
    """Write the wanted rows, fold by fold, model after model, the champion's last; return how many."""
    import pyarrow.parquet as pq

    beside = out.with_name(f".{out.name}.part")
    writer: pq.ParquetWriter | None = None
    written = 0
    for fold in schedule[:-1]:
        saved = checkpoints.read(fold)
        saved = saved.filter("calibrated", pl.Series(wanted[saved["row"]]))
        champion = saved.filter(model=served[fold.number]).with_columns(model=pl.lit(CHAMPION))
        if saved.is_empty():
            continue
        arrow = contract_rows(dataset, pl.concat([saved, champion])).to_arrow()
        writer = writer or pq.ParquetWriter(beside, arrow.schema, compression="zstd")
        writer.write_table(arrow)
        written += arrow.num_rows
    if writer is not None:
        writer.close()
        beside.replace(out)
    return written


def _scores(evaluator: Evaluator, served: dict[int, str], wanted: NDArray[np.bool_]) -> dict[str, Score]:
    """Score every model over the written rows whose outcome is known, the champion first."""
    rows = {name: evaluator.rows(name) for name in evaluator.names}
    rows = {name: one.part(wanted[one.row]) for name, one in rows.items()}
    champion = ScoredRows.joined([rows[name].part(rows[name].fold == number) for number, name in served.items()])
    return {CHAMPION: score(champion), **{name: score(one) for name, one in rows.items()}}
