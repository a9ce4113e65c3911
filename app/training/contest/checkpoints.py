"""A backtest's finished folds on disk: what a stopped run needs to go on, and what the output is made of."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from app.core.errors import BadInput
from app.registry.components.levels import QUANTILE_NAMES
from app.registry.versions.pipeline import Computed, prob_up
from app.training.contest.report import version_of
from app.training.data.dataset import Dataset
from app.training.data.folds import Fold
from app.training.walk_forward.walk_forward import FoldForecast

_KEY = "key"


class Checkpoints:
    """One Parquet file a fold, in a folder beside the output; one made for other bars or folds is emptied."""

    def __init__(self, out: Path, key: str) -> None:
        """Open the folder; raises `BadInput` when there is no place for it."""
        self._folder = out.with_name(f".{out.name}.parts")
        known = self._folder / _KEY
        try:
            if not known.exists() or known.read_text() != key:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder.mkdir(parents=True)
                known.write_text(key)
        except OSError as error:
            raise BadInput(f"{out} can't be written: {error.strerror}") from error

    def has(self, fold: Fold) -> bool:
        """Say whether a fold is finished."""
        return self._path(fold).exists()

    def save(self, dataset: Dataset, forecasts: Sequence[FoldForecast]) -> None:
        """Keep all candidates' forecasts of one fold, whole or not at all."""
        path = self._path(forecasts[0].fold)
        beside = path.with_suffix(".part")
        pl.concat(_frame(dataset, one) for one in forecasts).write_parquet(beside, compression_level=1)
        beside.replace(path)

    def read(self, fold: Fold) -> pl.DataFrame:
        """Return a fold's rows: row of the dataset, model, version, calibrated, raw, location, sigma, quantiles."""
        return pl.read_parquet(self._path(fold))

    def forecasts(self, fold: Fold) -> Iterator[FoldForecast]:
        """Return a fold's forecasts, in the order they were made."""
        for (name, calibrated), frame in self.read(fold).group_by("model", "calibrated", maintain_order=True):
            raw, location, sigma = (frame[column].to_numpy().copy() for column in ("raw", "location", "sigma"))
            quantiles = np.ascontiguousarray(frame.select(QUANTILE_NAMES).to_numpy())
            computed = Computed(frame["row"].to_numpy().astype(np.intp), location, sigma, quantiles)
            yield FoldForecast(fold, str(name), bool(calibrated), computed, raw)

    def clear(self) -> None:
        """Remove the folder: the output is whole."""
        shutil.rmtree(self._folder)

    def _path(self, fold: Fold) -> Path:
        return self._folder / f"{fold.start:06d}.parquet"


def _frame(dataset: Dataset, made: FoldForecast) -> pl.DataFrame:
    if made.pipeline is None:
        raise ValueError("a forecast that was read back has no pipeline to name a version by")
    rows, location, sigma, quantiles = made.computed
    columns = {name: np.ascontiguousarray(quantiles[:, at]) for at, name in enumerate(QUANTILE_NAMES)}
    return pl.DataFrame({"row": rows, "raw": made.raw, "location": location, "sigma": sigma, **columns}).with_columns(
        model=pl.lit(made.name),
        version=pl.lit(version_of(made.pipeline, dataset.session(made.fold.start - 1))),
        calibrated=pl.lit(made.calibrated),
    )


def contract_rows(dataset: Dataset, saved: pl.DataFrame) -> pl.DataFrame:
    """Return kept rows in the columns of the contract; quantiles are closes."""
    known = dataset.panel.frame[saved["row"]].select(
        "symbol", as_of="session", target_session="next_session", last_close="close"
    )
    closes, quantiles = known["last_close"].to_numpy(), saved.select(QUANTILE_NAMES).to_numpy()
    return known.with_columns(
        saved["model"],
        saved["version"],
        predicted_close=pl.Series(closes * np.exp(saved["location"].to_numpy())),
        prob_up=pl.Series(prob_up(quantiles)),
        **{name: pl.Series(closes * np.exp(quantiles[:, at])) for at, name in enumerate(QUANTILE_NAMES)},
    ).select(CONTRACT)


def out_of_fold_rows(dataset: Dataset, forecasts: Sequence[FoldForecast]) -> pl.DataFrame:
    """Return forecasts whose close is known, in the contract's columns, with sigma and what their models had learnt.

    `trained_through` is the last session whose outcome a fold's model knew, `fingerprint` that of the dataset.
    """
    frames = [
        _frame(dataset, one).with_columns(trained_through=pl.lit(dataset.session(one.fold.start - 1)))
        for one in forecasts
    ]
    if not frames:
        return pl.DataFrame()
    saved = pl.concat(frames)
    saved = saved.filter(pl.Series(dataset.usable[saved["row"]]))
    return contract_rows(dataset, saved).with_columns(
        saved["sigma"], saved["trained_through"], fingerprint=pl.lit(dataset.fingerprint)
    )


CONTRACT = (
    *("symbol", "as_of", "target_session", "model", "version", "last_close", "predicted_close", "prob_up"),
    *QUANTILE_NAMES,
)
"""The columns of the backtest's output, in order."""
