"""A backtest's finished folds on disk: what a stopped run needs to go on, and what the output is made of."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from app.registry.components.levels import QUANTILE_NAMES
from app.registry.components.panel import Array, Index
from app.registry.versions.pipeline import Computed, prob_up
from app.training.contest.report import version_of
from app.training.data.dataset import Dataset
from app.training.data.folds import Fold
from app.training.walk_forward.walk_forward import FoldForecast

_KEY = "key"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """One candidate's rows of one fold, as they were walked."""

    name: str
    version: str
    calibrated: bool
    raw: Array
    computed: Computed

    @property
    def rows(self) -> Index:
        """Where they stand in the dataset."""
        return self.computed.rows

    @property
    def location(self) -> Array:
        """The shrunk location."""
        return self.computed.location

    @property
    def sigma(self) -> Array:
        """The forecast's sigma."""
        return self.computed.sigma


class Checkpoints:
    """One Parquet file a fold; a folder that was made for other bars or another schedule is emptied."""

    def __init__(self, folder: Path, key: str) -> None:
        self._folder = folder
        known = folder / _KEY
        if not known.exists() or known.read_text() != key:
            shutil.rmtree(folder)
            folder.mkdir()
            known.write_text(key)

    def has(self, fold: Fold) -> bool:
        """Say whether a fold is finished."""
        return self._path(fold).exists()

    def save(self, fold: Fold, dataset: Dataset, made: Sequence[FoldForecast]) -> None:
        """Keep a fold, whole or not at all."""
        frames = [_frame(one, version_of(one.pipeline, dataset.session(fold.start - 1))) for one in made]
        beside = self._path(fold).with_suffix(".part")
        pl.concat(frames).write_parquet(beside, compression="zstd", compression_level=1)
        beside.replace(self._path(fold))

    def load(self, fold: Fold) -> Iterator[Checkpoint]:
        """Return a fold's candidates, in the order they were walked."""
        for frame in pl.read_parquet(self._path(fold)).partition_by("model", maintain_order=True):
            table = np.ascontiguousarray(frame.select(QUANTILE_NAMES).to_numpy())
            location, sigma, raw = (frame[name].to_numpy().copy() for name in ("location", "sigma", "raw"))
            computed = Computed(frame["row"].to_numpy().astype(np.intp), location, sigma, table)
            yield Checkpoint(frame["model"][0], frame["version"][0], frame["calibrated"][0], raw, computed)

    def clear(self) -> None:
        """Remove the folder: the output is whole."""
        shutil.rmtree(self._folder)

    def _path(self, fold: Fold) -> Path:
        return self._folder / f"{fold.start:06d}.parquet"


def _frame(made: FoldForecast, version: str) -> pl.DataFrame:
    computed = made.computed
    columns = {name: np.ascontiguousarray(computed.quantiles[:, at]) for at, name in enumerate(QUANTILE_NAMES)}
    return pl.DataFrame(
        {"row": computed.rows, "raw": made.raw, "location": computed.location, "sigma": computed.sigma, **columns}
    ).with_columns(model=pl.lit(made.candidate.name), version=pl.lit(version), calibrated=pl.lit(made.calibrated))


def contract_rows(dataset: Dataset, saved: Checkpoint, model: str) -> pl.DataFrame:
    """Return a candidate's rows under a model's name, in the columns of the contract; quantiles are closes."""
    computed = saved.computed
    known = dataset.panel.frame[computed.rows].select(
        "symbol", as_of="session", target_session="next_session", last_close="close"
    )
    closes = known["last_close"].to_numpy()
    columns = {name: closes * np.exp(computed.quantiles[:, at]) for at, name in enumerate(QUANTILE_NAMES)}
    return known.with_columns(
        model=pl.lit(model),
        version=pl.lit(saved.version),
        predicted_close=pl.Series(closes * np.exp(computed.location)),
        prob_up=pl.Series(prob_up(computed.quantiles)),
        **{name: pl.Series(values) for name, values in columns.items()},
    ).select(CONTRACT)


CONTRACT = (
    *("symbol", "as_of", "target_session", "model", "version", "last_close", "predicted_close", "prob_up"),
    *QUANTILE_NAMES,
)
"""The columns of the backtest's output, in order."""
