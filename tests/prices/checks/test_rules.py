"""Each rule catches what it is for, and true crashes pass."""

from collections.abc import Callable
from datetime import date

import polars as pl
import pytest

from app.prices.checks import rules
from app.prices.sources.sample import sample_bars
from tests.prices.market import SESSIONS, bars

AT = 60


def changed(*columns: str, by: Callable[[pl.Expr], pl.Expr], at: int = AT) -> pl.DataFrame:
    """Return bars with one session's columns changed."""
    here = pl.col("session") == SESSIONS[at]
    return bars("AAPL").with_columns(
        pl.when(here)
        .then(by(pl.col(name)))
        .otherwise(pl.col(name))
        .cast(pl.Int64 if name == "volume" else pl.Float64)
        .alias(name)
        for name in columns
    )


OHLC = ("open", "high", "low", "close")
SPOILED = {
    "missing_value": changed("high", by=lambda value: value * float("nan")),
    "non_positive": changed("low", by=lambda value: -value),
    "ohlc_order": changed("close", by=lambda value: value * 1.05),
    "wild_range": changed("low", by=lambda value: value / 10),
    "currency_slip": changed(*OHLC, by=lambda value: value * 100),
    "off_level": changed(*OHLC, by=lambda value: value * 10),
    "jump_reverts": changed(*OHLC, by=lambda value: value * 1.2),
}


@pytest.mark.parametrize("rule", SPOILED)
def test_a_rule_catches_its_flaw_and_nothing_else(rule: str) -> None:
    """One spoiled bar is held under the rule's name; all others pass unchanged."""
    checked = rules.check(SPOILED[rule])
    assert checked.held.select("rule", "session").rows() == [(rule, SESSIONS[AT])]
    assert checked.good.equals(bars("AAPL").filter(pl.col("session") != SESSIONS[AT]))


def test_a_null_is_a_missing_value() -> None:
    """Files have nulls where Yahoo has NaN."""
    checked = rules.check(changed("open", by=lambda value: pl.lit(None, pl.Float64) + value))
    assert checked.held["rule"].to_list() == ["missing_value"]


def test_a_day_off_is_no_session() -> None:
    """A bar of a Saturday is held."""
    frame = pl.concat([bars("AAPL"), bars("AAPL", (date(2020, 8, 1),))])
    assert rules.check(frame).held.select("rule", "session").rows() == [("no_session", date(2020, 8, 1))]


def test_of_two_rows_for_a_session_the_last_counts() -> None:
    """The same row twice is one; another one for the session is held."""
    twice = pl.concat([bars("AAPL"), bars("AAPL").tail(1)])
    assert rules.check(twice).held.is_empty()
    other = pl.concat([bars("AAPL").with_columns(pl.col("close") * 1.001), bars("AAPL").tail(1)])
    checked = rules.check(other)
    assert checked.held["rule"].to_list() == ["duplicate"]
    assert checked.good["close"][-1] == bars("AAPL")["close"][-1]


def test_a_copy_of_the_next_session_is_held() -> None:
    """The earlier of two equal bars is the copy in a fresh history."""
    copied = bars("AAPL").with_columns(
        pl.when(pl.col("session") == SESSIONS[AT]).then(pl.col(name).shift(-1)).otherwise(pl.col(name)).alias(name)
        for name in OHLC
    )
    checked = rules.check(copied)
    assert checked.held.select("rule", "session").rows() == [("repeated_bar", SESSIONS[AT])]


def test_a_copy_of_the_stored_session_is_held() -> None:
    """A new bar that repeats the stored one is the copy."""
    stored = bars("AAPL").head(80)
    stale = stored.tail(1).with_columns(pl.lit(SESSIONS[80]).alias("session"))
    assert rules.check(stale, known=stored).held["rule"].to_list() == ["repeated_bar"]


def test_a_session_without_movement_is_no_copy() -> None:
    """Flat bars with one price repeat without being wrong."""
    flat = bars("AAPL").with_columns(pl.lit(5.0).alias(name) for name in OHLC)
    assert rules.check(flat).held.is_empty()


def test_true_crashes_pass() -> None:
    """AAPL's fall of 52 % on 2000-09-29 is there; of 12,154 sample bars only a copy of 2003 is held."""
    checked = rules.check(sample_bars())
    assert checked.held.select("symbol", "session", "rule").rows() == [("AAPL", date(2003, 1, 28), "repeated_bar")]
    crash = checked.good.filter((pl.col("symbol") == "AAPL") & (pl.col("session") == date(2000, 9, 29)))
    assert crash["close"].item() == 12.875


@pytest.mark.parametrize("factor", [0.48, 1.52, 0.36])
def test_a_crash_that_lasts_passes_also_on_its_day(factor: float) -> None:
    """The newest bar at half the price passes against the stored ones, and in the middle of a history."""
    after = pl.col("session") >= SESSIONS[AT]
    fallen = bars("AAPL").with_columns(
        pl.when(after).then(pl.col(name) * factor).otherwise(pl.col(name)).alias(name) for name in OHLC
    )
    assert rules.check(fallen).held.is_empty()
    newest = fallen.filter(pl.col("session") == SESSIONS[AT])
    assert rules.check(newest, known=fallen.head(AT)).held.is_empty()


def test_a_tick_at_the_end_is_held_until_others_confirm_it() -> None:
    """Ten times the price waits alone, and passes once the level lasted."""
    after = pl.col("session") >= SESSIONS[AT]
    tenfold = bars("AAPL").with_columns(
        pl.when(after).then(pl.col(name) * 10).otherwise(pl.col(name)).alias(name) for name in OHLC
    )
    alone = tenfold.filter(pl.col("session") == SESSIONS[AT])
    assert rules.check(alone, known=tenfold.head(AT)).held["rule"].to_list() == ["off_level"]
    assert rules.check(tenfold).held.is_empty()


def test_an_infinite_adj_close_is_unknown() -> None:
    """It becomes null; the bar itself is good."""
    checked = rules.check(changed("adj_close", by=lambda value: value * float("inf")))
    assert checked.held.is_empty()
    assert checked.good["adj_close"].null_count() == 1


@pytest.mark.parametrize("rule", ["currency_slip", "off_level", "jump_reverts"])
def test_a_series_may_leap_and_fall_back(rule: str) -> None:
    """An index of volatility trebles in a day and has no volume; what is wrong by itself is held all the same."""
    leap = SPOILED[rule].with_columns(pl.lit("^VIX").alias("symbol"), pl.lit(0, pl.Int64).alias("volume"))
    assert rules.check(leap).held.is_empty()
    broken = SPOILED["ohlc_order"].with_columns(pl.lit("^VIX").alias("symbol"))
    assert rules.check(pl.concat([bars("AAPL"), broken])).held["rule"].to_list() == ["ohlc_order"]
