"""What a contest learns from: the feature frame of the whole panel beside its target, ordered for walking forward."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from app.core.clock import Calendar
from app.core.errors import NoHistory
from app.features import frame, target
from app.registry.history import WINDOW
from app.registry.panel import Array, Index, Panel
from app.training.candidates import NEEDED

LEARN_AFTER = 66
"""A symbol's first sessions teach nothing: its own volatility isn't known yet."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """The panel's rows, sorted by (symbol, session); `target` is NaN where the next session's close isn't known."""

    panel: Panel
    target: Array
    fingerprint: str

    @cached_property
    def usable(self) -> NDArray[np.bool_]:
        """Rows to judge by: every feature, a year of returns, and a known target."""
        warm = self.panel.frame["warm"].to_numpy()
        usable: NDArray[np.bool_] = warm & (self.panel.row >= WINDOW) & np.isfinite(self.target)
        return usable

    @cached_property
    def forward(self) -> Index:
        """The rows to learn from in order of session, then symbol: what was known first stands first.

        They have a known target and a quarter's history; a longer window that isn't full yet stands at its mean.
        """
        rows = np.flatnonzero(np.isfinite(self.target) & (self.panel.row >= LEARN_AFTER) & self.traded)
        return rows[np.lexsort((self.panel.symbol[rows], self.panel.day[rows]))]

    @cached_property
    def traded(self) -> NDArray[np.bool_]:
        """Rows whose close moved, then or on the next session: a suspended symbol's zeros would narrow all bands."""
        traded: NDArray[np.bool_] = (self.target != 0.0) | (self.panel.realised != 0.0)
        return traded

    @cached_property
    def known(self) -> Index:
        """For each session, how many rows of `forward` may be learnt from at its close.

        Purge of one session: the target's session lies before it, so no label shares a return with the rows judged.
        """
        return np.searchsorted(self.panel.day[self.forward], np.arange(len(self.panel.days) + 1) - 1)

    def matrix(self, names: tuple[str, ...]) -> Array:
        """Return features as an array over `forward`, one row each, contiguous."""
        selected = self.panel.frame.select(pl.col(name).cast(pl.Float64) for name in names)
        return np.ascontiguousarray(selected.to_numpy()[self.forward])

    def session(self, day: int) -> date:
        """Return the date of a session's number."""
        found: date = self.panel.days[day].item()
        return found

    def between(self, first: int, stop: int) -> tuple[Panel, Index]:
        """Return the rows of sessions first … stop - 1 as a panel of their own, and where they stand here."""
        rows = np.flatnonzero((self.panel.day >= first) & (self.panel.day < stop))
        return Panel(self.panel.frame[rows]), rows


class FeatureBuilder(Protocol):
    """What turns bars into features: `features.frame.build`, or in a test one with a leak planted."""

    def __call__(
        self,
        bars: pl.DataFrame,
        calendar: Calendar,
        context: pl.DataFrame | None = None,
        *,
        names: Iterable[str] = ...,
    ) -> pl.DataFrame:
        """Return the feature frame."""


def prepare(bars: pl.DataFrame, calendar: Calendar, build: FeatureBuilder = frame.build) -> Dataset:
    """Build features and targets from a bar frame; raises `NoHistory` when there is nothing to learn from."""
    if bars.is_empty():
        raise NoHistory("the store holds no final bars: run `nextclose refresh` or `nextclose import FILE` first")
    features = build(bars, calendar, names=NEEDED)
    returns = target.target_return(bars, calendar)["return_log"].fill_null(np.nan).to_numpy().copy()
    return Dataset(Panel(features), returns, dataset_fingerprint(bars))


def dataset_fingerprint(bars: pl.DataFrame) -> str:
    """Return the sha256 over symbols, sessions and values of the bars that were learnt from."""
    digest = hashlib.sha256()
    for name in ("symbol", "session", "open", "high", "low", "close", "volume"):
        column = bars[name]
        digest.update(name.encode())
        if name == "symbol":
            digest.update("\n".join(column.to_list()).encode())
        else:
            digest.update(column.to_physical().to_numpy().tobytes())
    return digest.hexdigest()
