"""Earnings days beside the bars: which target reacts, how the symbol did before, and what isn't known yet."""

import math
from datetime import date

import numpy as np
import polars as pl
import pytest

from app.core.clock import calendar
from app.features.frame import build
from tests.features.simulated import reported, simulated, volatility_index

BARS = simulated(400, ("AAA",))
"""New York's sessions from Monday 2010-01-04 on."""


def values(events: pl.DataFrame | None, session: date, *names: str, bars: pl.DataFrame = BARS) -> list[float]:
    """Return features of the bar of one session."""
    found = build(bars, calendar(), names=names, events=events).filter(pl.col("session") == session)
    return [found[name].item() for name in names]


@pytest.mark.parametrize(
    ("timing", "as_of", "day", "beside"),
    [
        ("amc", date(2010, 3, 9), 0.0, 1.0),  # its target, Wednesday the 10th, is the day itself
        ("amc", date(2010, 3, 10), 1.0, 0.0),
        ("bmo", date(2010, 3, 9), 1.0, 0.0),
        ("bmo", date(2010, 3, 10), 0.0, 1.0),
        ("unknown", date(2010, 3, 9), 0.5, 0.5),
        ("unknown", date(2010, 3, 10), 0.5, 0.5),
        ("amc", date(2010, 3, 8), 0.0, 0.0),
        ("amc", date(2010, 3, 11), 0.0, 0.0),
    ],
)
def test_the_session_that_reacts(timing: str, as_of: date, day: float, beside: float) -> None:
    """After the close the next session, before the open the day's own; what isn't known is shared by the two."""
    event = reported("AAA", date(2010, 3, 10), timing)
    assert values(event, as_of, "earnings_day", "earnings_beside") == [day, beside]


@pytest.mark.parametrize("timing", ["amc", "bmo", "unknown"])
def test_a_day_without_trading_has_one_session(timing: str) -> None:
    """Told on a Saturday, whenever, results are first traded on Monday."""
    event = reported("AAA", date(2010, 3, 13), timing)
    names = ("earnings_day", "earnings_beside", "earnings_learnt")
    assert values(event, date(2010, 3, 12), *names) == [1.0, 0.0, 1.0]
    assert values(event, date(2010, 3, 15), *names) == [0.0, 0.0, 0.0]


def test_a_day_counts_from_the_close_at_which_it_was_known() -> None:
    """Known at noon UTC of the session itself it counts, of the next one it doesn't; nor once it was taken back."""
    day, as_of = date(2010, 3, 10), date(2010, 3, 10)
    assert values(reported("AAA", day, "amc", known=as_of), as_of, "earnings_day") == [1.0]
    assert values(reported("AAA", day, "amc", known=date(2010, 3, 11)), as_of, "earnings_day") == [0.0]
    assert values(reported("AAA", day, "amc", ended=as_of), as_of, "earnings_day") == [0.0]
    assert values(reported("AAA", day, "amc", ended=date(2010, 3, 11)), as_of, "earnings_day") == [1.0]


def test_an_early_close_is_early() -> None:
    """The day after Thanksgiving New York closes at 18:00 UTC: what is known at 18:30 isn't known at that close."""
    late = reported("AAA", date(2010, 11, 29), "bmo").with_columns(
        known_at=pl.datetime(2010, 11, 26, 18, 30, time_zone="UTC").cast(pl.Datetime("us", "UTC"))
    )
    assert values(late, date(2010, 11, 26), "earnings_day") == [0.0]
    soon = late.with_columns(known_at=pl.col("known_at") - pl.duration(minutes=30))
    assert values(soon, date(2010, 11, 26), "earnings_day") == [1.0]


def test_sessions_until_and_since() -> None:
    """Counted from the target: the reaction to Wednesday's close is on Thursday the 11th."""
    event = reported("AAA", date(2010, 3, 10), "amc")
    names = ("earnings_until", "earnings_since", "earnings_known")
    assert values(event, date(2010, 3, 10), *names) == [0.0, 10.0, 1.0]
    assert values(event, date(2010, 3, 5), *names) == [3.0, 10.0, 1.0]
    assert values(event, date(2010, 3, 11), *names) == [10.0, 1.0, 1.0]
    assert values(event, date(2010, 3, 30), *names) == [10.0, 10.0, 1.0]
    assert values(event, date(2010, 2, 1), *names) == [10.0, 10.0, 0.0]
    assert values(event, date(2010, 9, 1), *names) == [10.0, 10.0, 0.0]


def test_a_past_reaction_by_hand() -> None:
    """The log of the session's range over that of the 66 bars before it, its own, shrunk by three pseudo-events."""
    first, second = reported("AAA", date(2010, 6, 10), "amc"), reported("AAA", date(2010, 9, 10), "amc")
    close, opened, high, low = (BARS[name].to_numpy() for name in ("close", "open", "high", "low"))
    gap = np.log(opened[1:] / close[:-1])
    inside = 0.5 * np.log(high / low) ** 2 - (2 * math.log(2) - 1) * np.log(close / opened) ** 2
    variance = np.clip(np.maximum(inside[1:], 0) + gap**2, 1e-7, 0.0625)
    at = BARS["session"].to_list().index(date(2010, 6, 11)) - 1
    reaction = 0.5 * math.log(variance[at] / variance[at - 66 : at].mean())
    found = values(pl.concat([first, second]), date(2010, 9, 10), "earnings_past", "earnings_seen")
    assert found == pytest.approx([reaction / 4, 1 / 4], rel=1e-9)


def test_timing_is_learnt_from_where_the_symbol_moved_more() -> None:
    """Two past days whose later session jumped by 20 % say five sixths for the later session of a third."""
    jumps = (date(2010, 6, 11), date(2010, 9, 14))
    jumped = BARS.with_columns(
        pl.col(name) * (1.0 + 0.2 * sum((pl.col("session") >= day).cast(pl.Int8) for day in jumps))
        for name in ("open", "high", "low", "close")
    )
    days = (date(2010, 6, 10), date(2010, 9, 13), date(2010, 12, 15))
    events = pl.concat([reported("AAA", day, "unknown") for day in days])
    assert values(events, date(2010, 12, 14), "earnings_day", bars=jumped) == pytest.approx([1 / 6])
    assert values(events, date(2010, 12, 15), "earnings_day", bars=jumped) == pytest.approx([5 / 6])


def test_the_rhythm_is_silent_where_dates_are_known() -> None:
    """A guess from past jumps is worth nothing beside the date itself."""
    whole = build(BARS, calendar(), names=("event_recent",))
    known = build(
        BARS, calendar(), names=("event_recent", "earnings_known"), events=reported("AAA", date(2010, 9, 1), "amc")
    )
    assert known.filter(pl.col("earnings_known") > 0)["event_recent"].drop_nulls().sum() == 0.0
    rest = pl.col("earnings_known").eq(0.0)
    assert known.filter(rest)["event_recent"].equals(whole.filter(known.select(rest).to_series())["event_recent"])
    assert known.filter(rest)["event_recent"].sum() > 0.0


def test_quiet_leaves_out_what_results_did() -> None:
    """Without events nothing is left out; with one, its two sessions are."""
    assert values(None, date(2010, 9, 10), "quiet_22") == [0.0]
    event = reported("AAA", date(2010, 9, 8), "amc")
    close, opened, high, low = (BARS[name].to_numpy() for name in ("close", "open", "high", "low"))
    inside = 0.5 * np.log(high / low) ** 2 - (2 * math.log(2) - 1) * np.log(close / opened) ** 2
    variance = np.clip(np.maximum(inside[1:], 0) + np.log(opened[1:] / close[:-1]) ** 2, 1e-7, 0.0625)
    at = BARS["session"].to_list().index(date(2010, 9, 10)) - 1
    window = variance[at - 21 : at + 1]
    rest = np.delete(window, [19, 20])
    assert values(event, date(2010, 9, 10), "quiet_22") == pytest.approx([0.5 * math.log(rest.mean() / window.mean())])


def test_the_index_is_null_where_it_has_no_bar() -> None:
    """Its level is in daily log standard deviations, its changes are over its own bars."""
    index = volatility_index(300)
    names = ("index_level", "index_change_1", "index_premium", "market_range_22")
    found = build(BARS, calendar(), names=names, series=index)
    at = index["session"][100]
    row = found.filter(pl.col("session") == at).row(0, named=True)
    level = math.log(index["close"][100] / (100 * math.sqrt(252)))
    assert row["index_level"] == pytest.approx(level)
    assert row["index_change_1"] == pytest.approx(math.log(index["close"][100] / index["close"][99]))
    assert row["index_premium"] == pytest.approx(level - row["market_range_22"])
    missing = BARS.filter(pl.col("session") < date(2010, 12, 1)).join(index, on="session", how="anti")["session"]
    assert found.filter(pl.col("session").is_in(missing.implode()))["index_level"].null_count() == len(missing) > 0
    assert build(BARS, calendar(), names=names)["index_level"].null_count() == BARS.height
