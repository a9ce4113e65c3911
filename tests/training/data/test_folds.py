"""Folds by date: purged, disjoint, and the same whatever came later."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from app.core.errors import BadInput, NoHistory
from app.training.data.dataset import Dataset, prepare
from app.training.data.folds import folds


def test_folds_are_disjoint_and_cover_every_session_after_the_first(dataset: Dataset) -> None:
    """Each session from the first fold on is forecast in exactly one fold; the last fold is empty and serves."""
    schedule = folds(dataset)
    assert [fold.start for fold in schedule[1:]] == [fold.stop for fold in schedule[:-1]]
    assert schedule[-1].start == schedule[-1].stop == len(dataset.panel.days)


def test_no_label_reaches_into_its_fold(dataset: Dataset) -> None:
    """What may be learnt from at a fold's start has its outcome on an earlier session: a purge of one."""
    for fold in folds(dataset):
        known = dataset.forward[: dataset.known[fold.start]]
        assert dataset.panel.day[known].max() + 1 < fold.start


def test_later_bars_move_no_fold(bars: pl.DataFrame, dataset: Dataset) -> None:
    """Starts are counted from the panel's first session."""
    cut = prepare(bars.filter(pl.col("session") < date(2012, 3, 1)))
    whole = {fold.start for fold in folds(dataset)}
    assert {fold.start for fold in folds(cut)[:-1]} <= whole


def test_too_few_sessions_say_how_many_are_needed(bars: pl.DataFrame) -> None:
    """A year of bars can't be judged."""
    short = prepare(bars.filter(pl.col("session") < date(2011, 1, 1)))
    with pytest.raises(NoHistory, match=r"\d+ sessions can be learnt from, 432 are needed.* 499 sessions \(2 years\)"):
        folds(short)


def test_refits_too_rare_for_the_bars_say_how_rare_they_may_be(dataset: Dataset) -> None:
    """573 sessions can be learnt from: 186 for the first fold, 120 to calibrate, and two folds of 133."""
    with pytest.raises(BadInput, match=r"every 10000 sessions is too rare for the 573 .* at most every 133$"):
        folds(dataset, 10_000)
    assert folds(dataset, 133)


def test_nothing_stored_is_said_so(bars: pl.DataFrame) -> None:
    """An empty store asks for bars instead of failing somewhere inside."""
    with pytest.raises(NoHistory, match="no final bars"):
        prepare(bars.clear())


def test_rows_are_learnt_in_order_of_session(dataset: Dataset) -> None:
    """A fold's training rows are a prefix."""
    assert np.all(np.diff(dataset.panel.day[dataset.forward]) >= 0)


def test_a_suspended_symbol_teaches_nothing(bars: pl.DataFrame, dataset: Dataset) -> None:
    """Closes that stand still for a year would narrow every symbol's bands: those rows are left out."""
    still = (pl.col("symbol") == "SIM001") & (pl.col("session") >= date(2011, 1, 3))
    prices = ("open", "high", "low", "close")
    halted = bars.with_columns(pl.when(still).then(50.0).otherwise(pl.col(name)).alias(name) for name in prices)
    found = prepare(halted)
    symbols, left = np.unique(found.panel.symbol[found.forward], return_counts=True)
    whole = np.unique(dataset.panel.symbol[dataset.forward], return_counts=True)[1]
    assert symbols.tolist() == [0, 1, 2, 3, 4]
    assert left[1] < 200 < whole[1]
    assert left[[0, 2, 3, 4]].tolist() == whole[[0, 2, 3, 4]].tolist()
