"""The served pipeline replayed session by session, nothing known that was not known then.

The walk of the contest over all stored bars, written out: every candidate, and as `champion` the one that a contest at
the fold's start would have chosen, by CRPS over all that was settled by then. A finished fold is kept in a folder
beside the output until the end, so a stopped run goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
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
from app.core.settings import Settings
from app.prices import store
from app.registry.versions.card import Score
from app.training.contest.checkpoints import Checkpoint, Checkpoints, contract_rows
from app.training.data.candidates import CANDIDATES
from app.training.data.dataset import Dataset, prepare
from app.training.data.folds import REFIT_EVERY, Fold, folds
from app.training.evaluation.judge import Judge, joined
from app.training.evaluation.metrics import score
from app.training.walk_forward.walk_forward import FoldForecast, WalkForward

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
    settings: Settings,  # noqa: ARG001 - the other commands' order of arguments; a cluster's address will come with it
    database: Database,
    out: Path,
    start: date | None = None,
    end: date | None = None,
    refit_every: int = REFIT_EVERY,
    symbols: Sequence[str] | None = None,
    progress: Progress = silent,
) -> BacktestReport:
    """Write one row per (symbol, model, as_of in [start, end]) to `out`, with all candidates and the champion.

    Refits fall on every `refit_every`-th session counted from the panel's first, so later data changes no row. All
    stored symbols are learnt from; `symbols` says which are written. Errors: `NoHistory` when nothing can be forecast
    in that time, `BadInput` when `out` can't be written, the time ends before it starts, or `refit_every` is too long.
    """
    begun = perf_counter()
    progress(0.0, "building features")
    bars = _bars(database, start, end)
    with database.read() as db:
        exchanges = store.exchanges(db)
    dataset = prepare(bars, exchanges)
    schedule = folds(dataset, refit_every)
    parts = Checkpoints(_beside(out), _key(dataset, refit_every))
    judge = _walk(dataset, schedule, refit_every, parts, within(progress, 0.05, 0.9))
    progress(0.92, f"writing {out}")
    wanted = _days(dataset, start, end)
    served = champions(dataset, schedule, judge)
    written = _write(dataset, schedule, parts, served, out, wanted, symbols)
    if not written:
        raise NoHistory("no forecast falls into that time: the first needs about two years of bars before it")
    scores = _scores(dataset, judge, served, schedule, wanted, symbols)
    parts.clear()
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


def _bars(database: Database, start: date | None, end: date | None) -> pl.DataFrame:
    """Return the bars to learn from and to forecast on; raises `NoHistory` for a time that they don't reach."""
    if start and end and start > end:
        raise BadInput(f"the first session, {start}, lies after the last, {end}")
    with database.read() as db:
        newest = max((bar.session for bar in store.last_bars(db).values()), default=None)
    if newest and start and start > newest:
        raise NoHistory(f"the stored bars end on {newest}: there is nothing to forecast from {start} on")
    reaches_back = start is not None and start.toordinal() > BEFORE_DAYS
    earliest = start - timedelta(days=BEFORE_DAYS) if start and reaches_back else None
    bars = store.panel(database, start=earliest, end=end)
    if newest and bars.is_empty():
        raise NoHistory(f"no stored bar is as old as {end}: there is nothing to forecast up to then")
    return bars


def _beside(out: Path) -> Path:
    """Return the folder of unfinished work; raises `BadInput` when there is no place for it."""
    folder = out.with_name(f".{out.name}.parts")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{out} can't be written: {error.strerror}") from error
    return folder


def _key(dataset: Dataset, refit_every: int) -> str:
    """Return what must agree for kept folds to be used: the bars, the schedule, the recipes."""
    recipe = {"bars": dataset.fingerprint, "every": refit_every, "candidates": [str(one) for one in CANDIDATES]}
    return hashlib.sha256(json.dumps(recipe).encode()).hexdigest()


def _walk(dataset: Dataset, schedule: list[Fold], refit_every: int, parts: Checkpoints, progress: Progress) -> Judge:
    """Walk the folds that aren't kept yet; the judge knows them all at the end."""
    walk, judge = WalkForward(dataset, schedule, CANDIDATES, refit_every), Judge(dataset)
    kept = [fold for fold in schedule if parts.has(fold)]
    for fold in kept:
        for saved in parts.load(fold):
            walk.out_of_fold[saved.name].note(saved.rows, saved.raw, saved.location, saved.sigma)
            if saved.calibrated:
                judge.take(fold, saved.name, saved.computed)
    fresh: list[FoldForecast] = []

    def take(made: FoldForecast) -> None:
        judge(made)
        fresh.append(made)
        if len(fresh) == len(CANDIDATES):
            parts.save(made.fold, dataset, fresh)
            fresh.clear()

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as executor:
        walk.run(take, _with_time_left(progress), executor, done=[fold.start for fold in kept])
    return judge


def _with_time_left(progress: Progress) -> Progress:
    """Add to each message how long the rest will take at the pace so far."""
    begun = perf_counter()

    def report(fraction: float, message: str) -> None:
        spent = perf_counter() - begun
        left = f", about {spent / fraction * (1.0 - fraction):.0f} s left" if fraction > 0.05 else ""  # noqa: PLR2004
        progress(fraction, message + left)

    return report


def _days(dataset: Dataset, start: date | None, end: date | None) -> NDArray[np.bool_]:
    days = dataset.panel.days
    wanted = np.ones(len(days), dtype=np.bool_)
    if start:
        wanted &= days >= np.datetime64(start)
    if end:
        wanted &= days <= np.datetime64(end)
    return wanted


def champions(dataset: Dataset, schedule: list[Fold], judge: Judge) -> dict[int, str]:
    """Return who would have been served in each fold: the best CRPS over the common rows settled before it."""
    losses = {name: judge.shared(name) for name in judge.names}
    chosen: dict[int, str] = {}
    for fold in schedule:
        settled = dataset.settled[fold.start]
        totals = {name: float(rows.crps[rows.day < settled].sum()) for name, rows in losses.items()}
        known = any(np.any(rows.day < settled) for rows in losses.values())
        chosen[fold.start] = min(totals, key=lambda name: totals[name]) if known else UNPROVEN
    return chosen


def _write(
    dataset: Dataset,
    schedule: list[Fold],
    parts: Checkpoints,
    served: dict[int, str],
    out: Path,
    wanted: NDArray[np.bool_],
    symbols: Sequence[str] | None,
) -> int:
    """Write the kept folds' rows of the sessions wanted, fold by fold; return how many."""
    import pyarrow.parquet as pq

    beside = out.with_name(f".{out.name}.part")
    writer: pq.ParquetWriter | None = None
    written = 0
    for fold in schedule:
        if fold.stop == fold.start or not wanted[fold.start : fold.stop].any():
            continue
        table = _fold_rows(dataset, list(parts.load(fold)), served[fold.start], wanted, symbols)
        if table.is_empty():
            continue
        arrow = table.to_arrow()
        writer = writer or pq.ParquetWriter(beside, arrow.schema, compression="zstd")
        writer.write_table(arrow)
        written += table.height
    if writer is not None:
        writer.close()
        beside.replace(out)
    return written


def _fold_rows(
    dataset: Dataset, saved: list[Checkpoint], champion: str, wanted: NDArray[np.bool_], symbols: Sequence[str] | None
) -> pl.DataFrame:
    """Return a fold's rows, model after model, the champion's last."""
    calibrated = [one for one in saved if one.calibrated]
    frames = [contract_rows(dataset, one, one.name) for one in calibrated]
    frames += [contract_rows(dataset, one, CHAMPION) for one in calibrated if one.name == champion]
    if not frames:
        return pl.DataFrame()
    rows = pl.concat(frames)
    keep = pl.col("as_of").is_in(dataset.panel.days[wanted].tolist())
    return rows.filter(keep & pl.col("symbol").is_in(list(symbols)) if symbols else keep)


def _scores(
    dataset: Dataset,
    judge: Judge,
    served: dict[int, str],
    schedule: list[Fold],
    wanted: NDArray[np.bool_],
    symbols: Sequence[str] | None,
) -> dict[str, Score]:
    """Score every model over the written rows whose outcome is known, the champion first."""
    names = dataset.panel.names
    chosen = np.isin(names, list(symbols)) if symbols else np.ones(len(names), dtype=np.bool_)
    rows = {name: judge.shared(name) for name in judge.names}
    kept = {name: one.part(wanted[one.day] & chosen[one.symbol]) for name, one in rows.items()}
    champion = [
        kept[served[fold.start]].part(
            (kept[served[fold.start]].day >= fold.start) & (kept[served[fold.start]].day < fold.stop)
        )
        for fold in schedule
    ]
    together = joined(champion)
    return {CHAMPION: score(together), **{name: score(one) for name, one in kept.items()}}
