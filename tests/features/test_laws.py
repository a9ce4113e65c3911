"""The laws of time and unit hold for every feature, and the proofs catch what breaks them."""

from datetime import date

import polars as pl
import pytest

from app.core.clock import calendar
from app.features import laws
from app.features.catalogue import FEATURES
from app.features.frame import MAX_WINDOW, WARM, build, market
from tests.features.simulated import earnings, simulated, volatility_index

ROWS = 1000
EVENTS, SERIES = earnings(ROWS), volatility_index(ROWS)


def features(bars: pl.DataFrame) -> pl.DataFrame:
    """Return the product's own features, without the close, which is a price."""
    return build(bars, calendar(), events=EVENTS, series=SERIES).drop("close")


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    """Make a thousand sessions of three symbols."""
    return simulated(ROWS)


@pytest.fixture(scope="module")
def sample(bars: pl.DataFrame) -> list[date]:
    """Sessions to cut at, early and late."""
    sessions = bars["session"].unique().sort()
    return [sessions[at] for at in (0, 1, 22, 45, 251, 400, 777, 998)]


def test_features_stay_when_later_rows_are_dropped(bars: pl.DataFrame, sample: list[date]) -> None:
    """Truncation, at every session of the sample."""
    assert laws.truncation(features, bars, sample) == []


def test_features_stay_when_later_rows_change(bars: pl.DataFrame, sample: list[date]) -> None:
    """Mutation, at every session of the sample."""
    assert laws.mutation(features, bars, sample) == []


@pytest.mark.parametrize("factor", [7.0, 7.3, 1 / 3])
def test_features_have_no_unit_of_price(factor: float, bars: pl.DataFrame) -> None:
    """Prices times any factor leave every feature as it is: in cents too, whose equal moves floats tell apart."""
    cents = bars.with_columns(pl.col("open", "high", "low", "close").round(2))
    assert laws.unit(features, cents, factor) == []


def test_the_newest_row_needs_no_more_than_max_window(bars: pl.DataFrame) -> None:
    """Tail, to the bit; one bar in ten of that is not enough, so the proof can fail."""
    assert laws.tail(features, bars, MAX_WINDOW) == []
    assert laws.tail(features, bars, MAX_WINDOW // 10)


def test_every_feature_s_window_is_enough(bars: pl.DataFrame) -> None:
    """Given its declared number of bars and the market, a feature's newest value is what it is, to the bit."""
    context = market(bars)
    whole = build(bars, calendar(), context, newest=True, events=EVENTS, series=SERIES)
    for window in {feature.window for feature in FEATURES}:
        last = bars.group_by("symbol", maintain_order=True).tail(window).select(bars.columns)
        names = [feature.name for feature in FEATURES if feature.window == window]
        found = build(last, calendar(), context, newest=True, names=names, events=EVENTS, series=SERIES)
        assert found.equals(
            whole.select("symbol", "session", "next_session", "close", pl.lit(window > WARM).alias("warm"), *names)
        ), names


def test_other_symbols_leave_a_symbol_as_it_is(bars: pl.DataFrame) -> None:
    """With the market given, the rows about a symbol's own don't touch it, wherever they stand."""
    context = market(bars)
    known = EVENTS.filter(pl.col("symbol") == "BBB")
    alone = build(bars.filter(pl.col("symbol") == "BBB"), calendar(), context, events=known, series=SERIES)
    among = build(bars, calendar(), events=EVENTS, series=SERIES).filter(pl.col("symbol") == "BBB")
    assert alone.equals(among)


def test_the_newest_row_is_the_frame_s_last(bars: pl.DataFrame) -> None:
    """Asked for the newest rows only, from the last bars and the market of all, the same bits come out."""
    context = market(bars)
    whole = build(bars, calendar(), events=EVENTS, series=SERIES)
    last = bars.group_by("symbol", maintain_order=True).tail(MAX_WINDOW).select(bars.columns)
    found = build(last, calendar(), context, newest=True, events=EVENTS, series=SERIES)
    assert found.equals(whole.group_by("symbol", maintain_order=True).tail(1))


def test_what_is_seen_later_changes_nothing(bars: pl.DataFrame, sample: list[date]) -> None:
    """An earnings day first seen, moved or taken back after a close leaves every feature up to it, to the bit."""
    closes = {session: calendar().close_at(session) for session in sample}
    assert laws.forgetting(lambda known: build(bars, calendar(), events=known), EVENTS, closes) == []


def test_an_event_that_was_known_too_early_is_caught(bars: pl.DataFrame, sample: list[date]) -> None:
    """A builder that believes a day before it was seen breaks the law."""
    closes = {session: calendar().close_at(session) for session in sample}

    def early(known: pl.DataFrame) -> pl.DataFrame:
        return build(bars, calendar(), events=known.with_columns(pl.col("known_at") - pl.duration(days=30)))

    assert laws.forgetting(early, EVENTS.with_columns(pl.col("known_at") + pl.duration(days=20)), closes)


def test_the_sample_of_earnings_days_speaks(bars: pl.DataFrame) -> None:
    """The law above would hold of features that are always 0: these aren't."""
    found = features(bars)
    for name in ("day", "beside", "learnt", "past", "seen", "heat", "level", "market", "known", "until", "since"):
        assert found[f"earnings_{name}"].drop_nulls().n_unique() > 1, name


def _centred(bars: pl.DataFrame) -> pl.DataFrame:
    mean = pl.col("close").rolling_mean(5, center=True).over("symbol")
    return bars.select("symbol", "session", leak=pl.col("close") / mean)


def _recursive(bars: pl.DataFrame) -> pl.DataFrame:
    mean = pl.col("close").ewm_mean(span=26, adjust=False).over("symbol")
    return bars.select("symbol", "session", recursive=pl.col("close") / mean)


def _whole_sample(bars: pl.DataFrame) -> pl.DataFrame:
    return bars.select("symbol", "session", scaled=pl.col("close") / pl.col("close").max().over("symbol"))


@pytest.mark.parametrize("leak", [_centred, _whole_sample])
def test_a_planted_leak_is_caught(leak: laws.FeatureFunction, bars: pl.DataFrame, sample: list[date]) -> None:
    """A centred mean and a scaling by the whole sample both look ahead; both proofs of time see it."""
    assert laws.truncation(leak, bars, sample)
    assert laws.mutation(leak, bars, sample)


def test_an_endless_memory_is_caught(bars: pl.DataFrame) -> None:
    """A recursive mean remembers where the history began."""
    assert laws.tail(_recursive, bars, 100)


def test_a_price_level_is_caught(bars: pl.DataFrame) -> None:
    """A feature in dollars breaks the law of the unit."""
    assert laws.unit(lambda frame: frame.select("symbol", "session", level="close"), bars)


def test_a_breach_says_what_where_and_when(bars: pl.DataFrame, sample: list[date]) -> None:
    """The line names law, feature, symbol and session."""
    breach = laws.truncation(_centred, bars, sample[4:5])[0]
    assert str(breach).startswith("truncation: leak of AAA on 2010-12-30 is None, and was ")
