"""The frame's shape, its keys, and the values that literals and slow twins give."""

import math
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.clock import calendar
from app.core.errors import BadInput
from app.features.catalogue import FEATURES, LOCATION_REGRESSORS, SCALE_REGRESSORS
from app.features.frame import FEATURE_NAMES, MAX_WINDOW, WARM, build, fingerprint, market
from app.features.market.ranks import rank
from app.features.target import target_return
from tests.features.simulated import earnings, simulated, volatility_index

NAMES = ("AAA", "BBB", "CCC", "DDD", "EEE", "FFF")
EVENTS, SERIES = earnings(400, NAMES), volatility_index(500, whole=True)


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    """Make 400 sessions of six symbols."""
    return simulated(400, NAMES, seed=2)


@pytest.fixture(scope="module")
def frame(bars: pl.DataFrame) -> pl.DataFrame:
    """Build its features."""
    return build(bars, calendar(), events=EVENTS, series=SERIES)


def row(frame: pl.DataFrame, symbol: str, at: int) -> dict[str, float]:
    """Return a symbol's row by its number."""
    return frame.filter(pl.col("symbol") == symbol).row(at, named=True)


def test_columns_dtypes_and_order(bars: pl.DataFrame, frame: pl.DataFrame) -> None:
    """Keys first, then the catalogue, all Float64; one row per bar, in order even when the bars come in none."""
    assert frame.columns == ["symbol", "session", "next_session", "close", "warm", *FEATURE_NAMES]
    assert set(frame.select(FEATURE_NAMES).dtypes) == {pl.Float64}
    assert frame.select("symbol", "session").equals(bars.select("symbol", "session"))
    shuffled = bars.sample(fraction=1.0, shuffle=True, seed=1)
    assert build(shuffled, calendar(), events=EVENTS, series=SERIES).equals(frame)


def test_names_are_one_of_a_kind_and_regressors_are_features() -> None:
    """No name twice; the scale's and the location's regressors are all there."""
    assert len(set(FEATURE_NAMES)) == len(FEATURES)
    assert set(SCALE_REGRESSORS) | set(LOCATION_REGRESSORS) <= set(FEATURE_NAMES)


def test_every_feature_has_its_value_from_its_first_row_on(frame: pl.DataFrame) -> None:
    """Null before, and a finite number from then on, for every symbol."""
    for feature in FEATURES:
        for (symbol,), mine in frame.group_by("symbol"):
            values = mine[feature.name]
            assert values[: feature.first].null_count() == min(feature.first, mine.height), (feature.name, symbol)
            assert values[feature.first :].is_finite().all(), (feature.name, symbol)


def test_warm_means_every_feature_is_there(frame: pl.DataFrame) -> None:
    """The first warm row is the year's momentum's first."""
    warm = frame.filter("warm")
    assert WARM == 252
    assert warm.select(FEATURE_NAMES).null_count().sum_horizontal().item() == 0
    assert row(frame, "AAA", 251)["warm"] is False
    assert row(frame, "AAA", 252)["warm"] is True
    assert max(feature.first for feature in FEATURES if feature.name in SCALE_REGRESSORS) == 22


def test_next_session_is_the_exchange_s(frame: pl.DataFrame) -> None:
    """Martin Luther King's day 2010 was closed: Friday the 15th is followed by Tuesday the 19th, four days on."""
    friday = frame.filter(pl.col("session") == date(2010, 1, 15)).row(0, named=True)
    assert friday["next_session"] == date(2010, 1, 19)
    assert (friday["gap_days"], friday["holiday_gap"], friday["long_gap"], friday["tuesday"]) == (4.0, 1.0, 1.0, 1.0)
    assert (friday["since_holiday"], friday["until_holiday"]) == (0.0, 10.0)


@pytest.mark.parametrize(
    ("session", "name", "value"),
    [
        (date(2010, 1, 29), "month_start", 0.0),  # its target is Monday 1 February
        (date(2010, 1, 28), "month_end", 0.0),
        (date(2010, 1, 8), "gap_days", 3.0),
        (date(2010, 1, 8), "holiday_gap", 0.0),
        (date(2010, 11, 24), "holiday_gap", 1.0),  # over Thanksgiving to a half day
        (date(2010, 11, 24), "half_day", 1.0),
        (date(2010, 11, 23), "until_holiday", 0.0),
        (date(2010, 12, 23), "year_end", 1.0),
        (date(2010, 7, 14), "season", 1.0),
        (date(2010, 7, 6), "season", 0.0),
    ],
)
def test_calendar_of_the_target(frame: pl.DataFrame, session: date, name: str, value: float) -> None:
    """The calendar's features are those of the session that is forecast."""
    assert frame.filter((pl.col("session") == session) & (pl.col("symbol") == "AAA"))[name].item() == value


def test_slow_twins_agree(bars: pl.DataFrame, frame: pl.DataFrame) -> None:
    """A few features of one bar, worked out from its window by hand."""
    mine = bars.filter(pl.col("symbol") == "BBB")
    close, opened = mine["close"].to_numpy(), mine["open"].to_numpy()
    high, low = mine["high"].to_numpy(), mine["low"].to_numpy()
    ret = np.log(close[1:] / close[:-1])
    gap = np.log(opened[1:] / close[:-1])
    inside = 0.5 * np.log(high / low) ** 2 - (2 * math.log(2) - 1) * np.log(close / opened) ** 2
    variance = np.maximum(inside[1:], 0) + gap**2
    log_volume = np.log(mine["volume"].to_numpy())
    found = row(frame, "BBB", -1)
    expected = {
        "ret_22": ret[-22:].sum(),
        "range_22": 0.5 * math.log(variance[-22:].mean()),
        "rms_return_66": 0.5 * math.log((ret[-66:] ** 2).mean() + 1e-7),
        "abs_return_250": math.log(np.abs(ret[-250:]).mean() + 1e-4),
        "fall_5": min(ret[-5:].sum(), 0) / math.sqrt(variance[-66:].mean() * 5),
        "close_to_close_22": 0.5 * math.log(ret[-22:].var() + 1e-7),
        "parkinson_22": 0.5 * math.log((np.log(high / low)[-22:] ** 2).mean() / (4 * math.log(2)) + 1e-7),
        "volume_1": np.clip(log_volume[-1] - log_volume[-67:-1].mean(), -2, 2),
        "drawdown_250": math.log(close[-1] / close[-250:].max()),
        "body": (close[-1] - opened[-1]) / (high[-1] - low[-1]),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-9)


def test_yang_zhang_by_hand(bars: pl.DataFrame, frame: pl.DataFrame) -> None:
    """Overnight and open-to-close variances about their means over n - 1, and Rogers-Satchell's mean."""
    mine = bars.filter(pl.col("symbol") == "CCC").tail(23)
    opened, high, low, close = (mine[name].to_numpy() for name in ("open", "high", "low", "close"))
    gap, body = np.log(opened[1:] / close[:-1]), np.log(close[1:] / opened[1:])
    satchell = np.log(high / close) * np.log(high / opened) + np.log(low / close) * np.log(low / opened)
    k = 0.34 / (1.34 + 23 / 21)
    variance = gap.var(ddof=1) + k * body.var(ddof=1) + (1 - k) * satchell[1:].mean()
    assert row(frame, "CCC", -1)["yang_zhang_22"] == pytest.approx(0.5 * math.log(variance + 1e-7), rel=1e-9)


def test_beta_and_residual_by_hand(frame: pl.DataFrame) -> None:
    """The slope is the covariance over the variance of the market's means."""
    shared = frame.filter(pl.col("symbol") == "DDD")
    own, market_ret = shared["ret_1"].to_numpy()[-250:], shared["market_ret_1"].to_numpy()[-250:]
    slope = np.cov(own, market_ret, ddof=0)[0, 1] / market_ret.var()
    rest = own - slope * market_ret
    expected = rest[-22:].sum() / math.sqrt((rest**2).mean() * 22)
    found = row(frame, "DDD", -1)
    assert found["beta_250"] == pytest.approx(slope, rel=1e-9)
    assert found["residual_momentum_22"] == pytest.approx(expected, rel=1e-9)


def test_ranks_are_places_in_the_session(frame: pl.DataFrame) -> None:
    """The places of six symbols' returns are -5/12 .. 5/12, in the order of the returns."""
    day = frame.filter(pl.col("session") == frame["session"].max()).sort("ret_22")
    assert day["rank_ret_22"].to_list() == pytest.approx([-5 / 12, -3 / 12, -1 / 12, 1 / 12, 3 / 12, 5 / 12])


def test_equal_values_share_their_rank(bars: pl.DataFrame) -> None:
    """A symbol and its double stand in the same place."""
    double = bars.filter(pl.col("symbol") == "AAA").with_columns(symbol=pl.lit("ZZZ"))
    found = build(pl.concat([bars, double]), calendar(), newest=True)
    first, last = found.row(0, named=True), found.row(-1, named=True)
    assert [first[name] for name in FEATURE_NAMES] == [last[name] for name in FEATURE_NAMES]


@given(st.lists(st.integers(0, 6), min_size=1, max_size=20), st.lists(st.integers(-1, 7), min_size=1, max_size=20))
def test_ranks_count_those_below_and_half_of_the_equal(members: list[int], asked: list[int]) -> None:
    """Whoever asks, a member of the session or not, and however many are equal."""
    ordered = np.array([[*sorted(members), math.nan], [math.nan] * (len(members) + 1)], dtype=np.float64)
    found = rank(np.array(asked, dtype=np.float64), np.zeros(len(asked), dtype=np.intp), ordered)
    expected = [
        (sum(m < one for m in members) + 0.5 * sum(m == one for m in members)) / len(members) - 0.5 for one in asked
    ]
    np.testing.assert_allclose(found, expected, atol=1e-15)


def test_a_jump_on_volume_echoes_a_quarter_later(bars: pl.DataFrame) -> None:
    """A move of 20 % on ten times the volume on 2010-08-02 shows 13 weeks later, on the day before 2010-11-01."""
    jumped = bars.filter(pl.col("symbol") == "AAA").with_columns(
        pl.when(pl.col("session") >= date(2010, 8, 2)).then(pl.col(name) * 1.2).otherwise(pl.col(name)).alias(name)
        for name in ("open", "high", "low", "close")
    )
    jumped = jumped.with_columns(
        pl.when(pl.col("session") == date(2010, 8, 2)).then(50_000_000).otherwise(pl.col("volume")).alias("volume")
    )
    found = build(pl.concat([jumped, bars.filter(pl.col("symbol") != "AAA")]), calendar())
    mine = found.filter(pl.col("symbol") == "AAA")
    assert mine.filter(pl.col("session") == date(2010, 10, 29))["event_same_day"].item() == 1.0
    assert mine.filter(pl.col("session") == date(2010, 8, 3))["event_recent"].item() == 1.0
    assert mine.filter(pl.col("session") == date(2010, 10, 28))["event_3_days"].item() == 1.0


def test_the_market_leaves_out_a_symbol_s_first_bar(bars: pl.DataFrame) -> None:
    """The first session of all has no symbol with a return; the second has one."""
    context = market(bars)
    assert context["symbols"][:2].to_list() == [0, 1]
    assert context["symbols"][-1] == 6
    returns = bars.with_columns(ret=(pl.col("close") / pl.col("close").shift(1)).log().over("symbol"))
    last = returns.filter(pl.col("session") == bars["session"].max())["ret"]
    assert context["ret_1"][-1] == pytest.approx(last.mean(), rel=1e-12)


def test_a_session_that_the_market_doesn_t_know_is_null(bars: pl.DataFrame) -> None:
    """Market features are null there; the symbol's own have their values, and nothing fails."""
    found = build(bars, calendar(), market(bars.filter(pl.col("session") < bars["session"].max())), newest=True)
    assert found["market_range_22"].null_count() == 6
    assert found["rank_ret_1"].null_count() == 6
    assert found["range_22"].null_count() == 0


def test_a_young_symbol_has_a_scale(bars: pl.DataFrame) -> None:
    """From its 23rd bar on the scale's regressors are there; it isn't warm."""
    young = bars.group_by("symbol", maintain_order=True).head(23).select(bars.columns)
    found = build(young, calendar(), newest=True, names=SCALE_REGRESSORS, events=EVENTS, series=SERIES)
    assert found.select(SCALE_REGRESSORS).null_count().sum_horizontal().item() == 0
    assert not found["warm"].any()


def test_no_bars_and_one_bar(bars: pl.DataFrame) -> None:
    """An empty frame gives an empty one with all its columns; a single bar gives a row that isn't warm."""
    assert build(bars.head(0), calendar()).shape == (0, len(FEATURE_NAMES) + 5)
    assert build(bars.head(1), calendar(), newest=True)["warm"].to_list() == [False]


def test_a_bar_that_stands_twice_is_refused(bars: pl.DataFrame) -> None:
    """One row per symbol and session, or windows would count it twice."""
    with pytest.raises(BadInput, match="stand twice"):
        build(pl.concat([bars, bars.head(1)]), calendar())


def test_the_longest_memory_is_adx_s() -> None:
    """Two smoothings of 320 bars and the change between two: what a forecast must read from the store."""
    assert MAX_WINDOW == 641


def test_the_target_is_the_return_to_the_next_session(bars: pl.DataFrame) -> None:
    """Null at the newest bar, and where the next session's bar is missing; else log(close of next / close)."""
    mine = bars.filter(pl.col("symbol") == "AAA").head(6)
    holed = mine.filter(pl.col("session") != mine["session"][3])
    found = target_return(holed, calendar())
    close = mine["close"].to_list()
    assert found["return_log"].is_null().to_list() == [False, False, True, False, True]
    assert found["return_log"][1] == pytest.approx(math.log(close[2] / close[1]), rel=1e-12)
    assert found["target_session"][2] == mine["session"][3]
    assert found.columns == ["symbol", "session", "target_session", "return_log"]


def test_targets_of_two_symbols_don_t_mix(bars: pl.DataFrame) -> None:
    """A symbol's newest bar has no target, whoever stands next in the frame."""
    found = target_return(bars, calendar())
    assert found.group_by("symbol").last()["return_log"].null_count() == 6
    assert found["return_log"].null_count() == 6


def test_a_fingerprint_tells_values_and_names_apart() -> None:
    """Any bit counts; a missing value isn't a zero."""
    base = fingerprint({"a": 1.0, "b": None})
    assert base == fingerprint({"a": 1.0, "b": None})
    assert len({base, fingerprint({"a": math.nextafter(1.0, 2.0), "b": None}), fingerprint({"a": 1.0, "b": 0.0})}) == 3
    assert base != fingerprint({"a": 1.0, "c": None})
