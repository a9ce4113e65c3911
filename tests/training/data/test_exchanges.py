"""Two exchanges learnt from together: each row is the one that is served, on its own calendar and market."""

from collections.abc import Callable
from datetime import date
from math import exp
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sqlmodel import select

from app.core.clock import calendar
from app.core.db import Database
from app.forecasts.prediction.predict import predict_all
from app.prices import store
from app.prices.store.tables import SymbolRow
from app.registry.versions.model import Model
from app.training.contest import backtest
from app.training.data.candidates import CANDIDATES
from app.training.data.dataset import Dataset, prepare
from app.training.data.folds import folds
from app.training.walk_forward.walk_forward import FoldForecast, WalkForward
from tests.forecasts import small

EXCHANGES = {"SIM000": "XNYS", "SIM001": "XLON", "SIM002": "XNYS", "SIM003": "XLON", "SIM004": "XLON"}
FEW = tuple(one for one in CANDIDATES if one.name in {"random_walk", "ewma", "volatility", "reversal", "ridge"})
CUT = date(2012, 4, 9)
"""Easter Monday: New York trades, London doesn't."""


@pytest.fixture(scope="module")
def mixed(bars: pl.DataFrame) -> pl.DataFrame:
    """Three of the five symbols moved to London's sessions, one for one."""
    london = calendar("XLON")
    days = bars["session"].unique().sort().to_list()
    moved = dict(zip(days, [day for day in london.sessions if day >= days[0]][: len(days)], strict=True))
    there = pl.col("symbol").is_in([symbol for symbol, exchange in EXCHANGES.items() if exchange == "XLON"])
    session = pl.when(there).then(pl.col("session").replace_strict(moved)).otherwise("session")
    return bars.with_columns(session=session)


@pytest.fixture(scope="module")
def gaps(mixed: pl.DataFrame) -> pl.DataFrame:
    """One symbol without every twentieth session, one that ended early."""
    number = pl.int_range(pl.len()).over("symbol")
    lacking = (pl.col("symbol") == "SIM003") & (number % 20 == 7)
    ended = (pl.col("symbol") == "SIM002") & (pl.col("session") > date(2012, 2, 1))
    return mixed.filter(~lacking & ~ended)


@pytest.fixture(scope="module")
def learnt(mixed: pl.DataFrame) -> Dataset:
    """Both exchanges' rows."""
    return prepare(mixed, EXCHANGES)


def walk(dataset: Dataset) -> list[FoldForecast]:
    """Walk a few candidates over the folds."""
    made: list[FoldForecast] = []
    WalkForward(dataset, folds(dataset), FEW).run(made.append)
    return made


@pytest.fixture(scope="module")
def forecasts(learnt: Dataset) -> list[FoldForecast]:
    """Return what a few candidates forecast on both exchanges."""
    return walk(learnt)


def test_targets_are_the_exchanges_own_next_sessions(learnt: Dataset) -> None:
    """Over each one's holidays too, and every session but the last has its outcome."""
    rows = learnt.panel.frame.select("symbol", "session", "next_session")
    for symbol, session, target in rows.iter_rows():
        assert target == calendar(EXCHANGES[symbol]).next_session(session)
    assert learnt.exchanges == ("XLON", "XNYS")
    assert np.isnan(learnt.target).sum() == len(EXCHANGES)


def test_features_are_those_of_the_exchange_alone(mixed: pl.DataFrame, learnt: Dataset) -> None:
    """The market is the exchange's own: its rows don't know of the other's symbols."""
    london = mixed.filter(pl.col("symbol").is_in(["SIM001", "SIM003", "SIM004"]))
    alone = prepare(london, EXCHANGES).panel.frame
    together = learnt.panel.frame.filter(pl.col("symbol").is_in(alone["symbol"].unique().implode()))
    assert together.equals(alone)


@pytest.mark.parametrize("as_of", [date(2012, 4, 5), CUT, date(2012, 6, 5), date(2012, 6, 20)])
def test_what_is_walked_is_what_is_served(
    mixed: pl.DataFrame, learnt: Dataset, forecasts: list[FoldForecast], as_of: date
) -> None:
    """Served from the bars up to a session, each symbol's newest forecast is the walk's own, to the bit."""
    assert compared(mixed, learnt, forecasts, as_of) >= len(FEW) * (2 if as_of == CUT else 5)


def test_what_is_walked_is_what_is_served_of_symbols_with_holes(gaps: pl.DataFrame) -> None:
    """A symbol that lacks sessions, and one that ended, whose last moves still taught the market."""
    dataset = prepare(gaps, EXCHANGES)
    made = walk(dataset)
    assert compared(gaps, dataset, made, date(2012, 4, 5)) >= 4 * len(FEW)
    assert compared(gaps, dataset, made, date(2012, 6, 20)) >= 4 * len(FEW)


def compared(bars: pl.DataFrame, learnt: Dataset, forecasts: list[FoldForecast], as_of: date) -> int:
    """Hold the walk's forecasts as of a session against the served ones; return how many there are."""
    bars = bars.filter(pl.col("session") <= as_of)
    count = 0
    for made in forecasts:
        card = small.model().card.model_copy(
            update={"symbols": tuple(EXCHANGES), "features": made.pipeline.features, "lookback": made.pipeline.lookback}
        )
        served = (
            predict_all(bars, EXCHANGES, Model(card, made.pipeline)).by_symbol if holds(learnt, made, as_of) else {}
        )
        keys = learnt.panel.frame[made.computed.rows].select("symbol", "session", "close", "next_session")
        for at, (symbol, session, close, target) in enumerate(keys.iter_rows()):
            if symbol in served and served[symbol].as_of == session:
                assert served[symbol].sigma == made.computed.sigma[at]
                assert served[symbol].predicted_close == close * exp(made.computed.location[at])
                assert served[symbol].quantiles == tuple(close * exp(one) for one in made.computed.quantiles[at])
                assert served[symbol].target_session == target
                count += 1
    return count


def holds(dataset: Dataset, made: FoldForecast, day: date) -> bool:
    """Say whether a fold forecasts a session."""
    at = int(np.searchsorted(dataset.panel.days, np.datetime64(day)))
    return made.fold.start <= at < made.fold.stop


def test_no_label_reaches_into_its_fold(learnt: Dataset) -> None:
    """Where one exchange trades over the other's holidays, the other's outcomes come later than the session after."""
    assert (learnt.settled_on - learnt.panel.day).max() > 1
    for fold in folds(learnt, 5):
        known = learnt.forward[: learnt.known[fold.start]]
        assert learnt.settled_on[known].max() < fold.start
        assert (learnt.settled_on[learnt.panel.day < learnt.settled[fold.start]] < fold.start).all()


def test_later_bars_change_no_forecast(mixed: pl.DataFrame, learnt: Dataset, forecasts: list[FoldForecast]) -> None:
    """Cut on a day when one exchange is closed, every forecast stays the same to the bit."""
    cut = prepare(mixed.filter(pl.col("session") <= CUT), EXCHANGES)
    again = walk(cut)
    for short, whole in zip(again, forecasts, strict=False):
        kept = learnt.panel.day[whole.computed.rows] < len(cut.panel.days)
        assert short.name == whole.name
        assert np.array_equal(short.computed.quantiles, whole.computed.quantiles[kept])
        assert np.array_equal(short.computed.sigma, whole.computed.sigma[kept])


def test_the_backtests_file_has_each_exchanges_sessions(
    fill: Callable[[pl.DataFrame], Database],
    mixed: pl.DataFrame,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the store knows of a symbol's exchange decides: no row has another one's target session."""
    monkeypatch.setattr(backtest, "CANDIDATES", FEW[:3])
    database = fill(mixed)
    with database.write() as db:
        for row in db.exec(select(SymbolRow)):
            row.exchange = EXCHANGES[row.symbol]
            db.add(row)
    with database.read() as db:
        assert store.exchanges(db) == EXCHANGES
    backtest.run_backtest(database, tmp_path / "out.parquet")
    rows = pl.read_parquet(tmp_path / "out.parquet").select("symbol", "as_of", "target_session").unique()
    assert set(rows["symbol"]) == set(EXCHANGES)
    for symbol, as_of, target in rows.iter_rows():
        assert target == calendar(EXCHANGES[symbol]).next_session(as_of)
