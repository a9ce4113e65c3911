"""The backtest's file: the contract's columns, bit-equal on cut data, and resumed where it stopped."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from app.core.db import Database
from app.core.errors import BadInput, NoHistory
from app.registry.components.levels import QUANTILE_NAMES
from app.training.contest import backtest
from app.training.contest.backtest import run_backtest
from app.training.data.candidates import CANDIDATES

KEYS = ["model", "symbol", "as_of"]
START = date(2012, 1, 3)


class Stopped(Exception):
    """Stands for a process that was stopped."""


def test_the_file_is_the_contracts(
    fill: Callable[[pl.DataFrame], Database], bars: pl.DataFrame, tmp_path: Path
) -> None:
    """Columns, types, one row per key, non-decreasing closes, a champion that is one of the candidates."""
    out = tmp_path / "out.parquet"
    report = run_backtest(fill(bars), out, start=START)
    rows = pl.read_parquet(out)
    keys = ["symbol", "as_of", "target_session", "model", "version", "last_close", "predicted_close", "prob_up"]
    assert rows.columns == [*keys, *QUANTILE_NAMES]
    assert rows.height == report.rows
    assert not rows.select(KEYS).is_duplicated().any()
    assert set(rows["model"]) == {*(one.name for one in CANDIDATES), "champion"}
    assert np.all(np.diff(rows.select(QUANTILE_NAMES).to_numpy(), axis=1) >= 0)
    assert rows["as_of"].min() == START
    assert (rows["target_session"] > rows["as_of"]).all()
    assert rows["prob_up"].is_between(0.0, 1.0).all()
    assert report.scores["random_walk"].crps_skill == 0.0
    assert not out.with_name(".out.parquet.parts").exists()


def test_later_bars_change_no_row(
    fill: Callable[[pl.DataFrame], Database],
    bars: pl.DataFrame,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A backtest that knows nothing after April equals, to the bit, the one that knows all; two candidates suffice."""
    monkeypatch.setattr(
        backtest, "CANDIDATES", tuple(one for one in CANDIDATES if one.name in {"random_walk", "reversal"})
    )
    monkeypatch.setattr(backtest, "UNPROVEN", "reversal")
    database, end = fill(bars), date(2012, 4, 20)
    run_backtest(database, tmp_path / "all.parquet", start=START)
    run_backtest(database, tmp_path / "cut.parquet", start=START, end=end)
    whole = pl.read_parquet(tmp_path / "all.parquet").filter(pl.col("as_of") <= end)
    assert whole.sort(KEYS).equals(pl.read_parquet(tmp_path / "cut.parquet").sort(KEYS))


def test_a_stopped_backtest_goes_on(
    fill: Callable[[pl.DataFrame], Database],
    bars: pl.DataFrame,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Stopped in its fourth fold, it keeps three, and ends with the same file as one that ran through."""
    few = ("random_walk", "volatility", "reversal")
    monkeypatch.setattr(backtest, "CANDIDATES", tuple(one for one in CANDIDATES if one.name in few))
    database = fill(bars)

    def stop(_: float, message: str) -> None:
        if message.startswith("fold 4"):
            raise Stopped

    with pytest.raises(Stopped):
        run_backtest(database, tmp_path / "two.parquet", start=START, progress=stop)
    kept = sorted(path.name for path in (tmp_path / ".two.parquet.parts").glob("*.parquet"))
    assert len(kept) == 3
    messages: list[str] = []
    run_backtest(database, tmp_path / "two.parquet", start=START, progress=lambda _, text: messages.append(text))
    assert not any(text.startswith("fold 1 ") for text in messages)
    run_backtest(database, tmp_path / "one.parquet", start=START)
    assert pl.read_parquet(tmp_path / "one.parquet").equals(pl.read_parquet(tmp_path / "two.parquet"))


def test_symbols_say_what_is_written(
    fill: Callable[[pl.DataFrame], Database],
    bars: pl.DataFrame,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All symbols are learnt from, the chosen ones are written; a time before any forecast is an error."""
    monkeypatch.setattr(backtest, "CANDIDATES", CANDIDATES[:4])
    database, out = fill(bars), tmp_path / "out.parquet"
    run_backtest(database, out, symbols=["SIM001"])
    assert set(pl.read_parquet(out)["symbol"]) == {"SIM001"}
    with pytest.raises(NoHistory, match="two years"):
        run_backtest(database, out, start=date(2010, 2, 1), end=date(2012, 7, 1), symbols=["NONE"])


@pytest.mark.parametrize(
    ("start", "end", "error", "said"),
    [
        (
            date(2050, 1, 1),
            None,
            NoHistory,
            "the stored bars end on 2012-07-17: there is nothing to forecast from 2050",
        ),
        (None, date(1999, 1, 4), NoHistory, "no stored bar is as old as 1999-01-04"),
        (date(2012, 1, 4), date(2012, 1, 3), BadInput, "the first session, 2012-01-04, lies after the last"),
    ],
)
def test_a_time_without_bars_is_said_so(
    fill: Callable[[pl.DataFrame], Database],
    bars: pl.DataFrame,
    tmp_path: Path,
    start: date | None,
    end: date | None,
    error: type[Exception],
    said: str,
) -> None:
    """One line says what is stored; nothing is written."""
    with pytest.raises(error, match=said):
        run_backtest(fill(bars), tmp_path / "out.parquet", start=start, end=end)
    assert list(tmp_path.glob("*.parquet")) == []


def test_the_first_day_of_all_is_the_first_bar(
    fill: Callable[[pl.DataFrame], Database],
    bars: pl.DataFrame,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Twelve years before the year 1 there is no date: all bars are taken."""
    monkeypatch.setattr(backtest, "CANDIDATES", CANDIDATES[:4])
    report = run_backtest(fill(bars), tmp_path / "out.parquet", start=date.min)
    assert report.last_session == "2012-07-17"
