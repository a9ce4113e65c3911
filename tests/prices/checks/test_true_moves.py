"""A move that is made good the day after passes where something speaks for it, and only there."""

from datetime import UTC, datetime

import polars as pl
import pytest

from app.core.db import Database
from app.prices import store
from app.prices.checks import quarantine, rules
from app.prices.refresh.ingest import ingest
from tests.prices.market import SESSIONS, bars

AT = 70
NOW = datetime(2021, 1, 4, 22, tzinfo=UTC)
OHLC = ("open", "high", "low", "close")


def crashed(volume: float = 1.0, volume_after: float = 1.0, by: float = 0.86, symbol: str = "AAPL") -> pl.DataFrame:
    """Return bars of which one stands 14 % lower, the next at the old level; volumes are times the usual."""
    place = pl.int_range(pl.len())
    times = pl.when(place == AT).then(volume).when(place == AT + 1).then(volume_after).otherwise(1.0)
    return bars(symbol).with_columns(
        *(pl.when(place == AT).then(pl.col(name) * by).otherwise(pl.col(name)).alias(name) for name in OHLC),
        (pl.col("volume") * times).cast(pl.Int64).alias("volume"),
    )


def held(frame: pl.DataFrame) -> list[str]:
    """Return the rules under which bars are held."""
    return rules.check(frame).held["rule"].to_list()


def test_a_quiet_one_is_held() -> None:
    """Usual volume, apart from both neighbours: a bar of another day."""
    assert held(crashed()) == ["jump_reverts"]
    assert held(crashed(by=1.16)) == ["jump_reverts"]


def test_volume_on_both_days_speaks_for_it() -> None:
    """3.5 times the usual volume, then 2.3 times, as in the worst of such days: it was traded, and news came twice."""
    assert held(crashed(3.5, 2.3)) == []


@pytest.mark.parametrize("volumes", [(3.5, 1.0), (2.0, 2.3), (0.0, 0.0)])
def test_volume_on_one_day_does_not(volumes: tuple[float, float]) -> None:
    """A bar of another busy day is followed by a usual one."""
    assert held(crashed(*volumes)) == ["jump_reverts"]


def test_an_index_without_volume_is_not_spoken_for_by_zeros() -> None:
    """Nothing is no multiple of nothing."""
    assert held(crashed().with_columns(pl.lit(0, pl.Int64).alias("volume"))) == ["jump_reverts"]


def test_nothing_speaks_for_a_copy() -> None:
    """Whatever its volume: its four prices are another session's."""
    copied = crashed(12.0, 3.0)
    there = pl.int_range(pl.len()) == 60
    copied = copied.with_columns(
        pl.when(there).then(pl.col(name).get(AT)).otherwise(pl.col(name)).alias(name) for name in OHLC
    )
    assert held(copied) == ["jump_reverts", "jump_reverts"]


def test_a_path_from_the_close_before_speaks_for_it() -> None:
    """It opened near the close before, high and low hold the open, and fell all day: the path was traded."""
    low = crashed()
    before = low["low"][AT - 1]
    opened = pl.int_range(pl.len()) == AT
    walked = low.with_columns(
        pl.when(opened).then(before * 0.955).otherwise("open").alias("open"),
        pl.when(opened).then(before * 0.96).otherwise("high").alias("high"),
    )
    assert held(walked) == []


def test_a_day_on_which_the_whole_market_went_there_and_back_passes(database: Database) -> None:
    """One symbol's quiet move is held, the same move with ten others isn't; their bars may stand in the store."""
    others = [crashed(symbol=f"S{number}") for number in range(10)]
    with database.write() as db:
        assert ingest(db, crashed(), "yahoo", NOW, "XNYS").held == {"jump_reverts": 1}
        assert ingest(db, pl.concat(others), "yahoo", NOW, "XNYS").held == {}
        assert ingest(db, crashed(), "yahoo", NOW, "XNYS").held == {}
    with database.read() as db:
        assert store.history(db, "AAPL").equals(crashed())
        assert quarantine.listing(db) == []


def test_a_market_that_stood_still_speaks_for_nobody(database: Database) -> None:
    """Ten quiet symbols around it change nothing."""
    others = [bars(f"S{number}") for number in range(10)]
    with database.write() as db:
        assert ingest(db, pl.concat([crashed(), *others]), "file", NOW, "XNYS").held == {"jump_reverts": 1}
    with database.read() as db:
        assert [entry.session for entry in quarantine.listing(db)] == [SESSIONS[AT]]
