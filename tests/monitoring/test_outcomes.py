"""Claims on live forecasts: the stated false-alarm rate holds, and a broken claim is called soon."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from app.monitoring.detector import detect
from app.monitoring.outcomes import CLAIMS, FALSE_ALARMS, GROUPS, Watch, watch
from tests.monitoring.years import FIRST, years

CHANGE = 126


def named(rows: pl.DataFrame, name: str) -> Watch:
    """Return how one claim stands."""
    return next(one for one in watch(rows) if one.name == name)


def test_the_stated_false_alarm_rate_holds_on_200_years() -> None:
    """Clustered volatility, fat tails, a common factor: still not more years with an alarm than stated."""
    alarms = [sum(len(claim.alarms) for claim in watch(rows)) for rows in years(200, seed=1)]
    assert pytest.approx(0.10) == FALSE_ALARMS
    assert np.mean([count > 0 for count in alarms]) <= FALSE_ALARMS
    assert np.mean(alarms[:20]) <= 1.0


def test_returns_three_times_as_wild_are_called_within_15_sessions() -> None:
    """In at least nine of ten markets, and typically within eight, though the forecaster adapts all the while."""
    delays = []
    for rows in years(100, seed=2, wild_from=CHANGE):
        since = FIRST + timedelta(days=CHANGE)
        called = [day for claim in watch(rows) for day in claim.alarms if day >= since]
        delays.append((min(called) - since).days + 1 if called else 999)
    assert np.mean(np.array(delays) <= 15) >= 0.9
    assert np.median(delays) <= 8


def test_the_bound_holds_for_series_at_their_limit() -> None:
    """Ville's inequality needs no model: a whole and its two parts exactly at what is allowed, 2,000 years."""
    flips = (np.random.default_rng(3).random((2000, 252, 2)) < 0.2).astype(float)
    series = np.concatenate([flips.mean(axis=2, keepdims=True), flips], axis=2)
    allowed, weights = np.full(3, 0.2), np.array([0.5, 0.25, 0.25])
    assert np.mean([bool(detect(one, allowed, 0.0, 0.1, weights).alarms) for one in series]) <= 0.1


def test_an_alarm_starts_the_detector_anew() -> None:
    """A claim that stays broken is called again and again, and one that holds again isn't."""
    broken, whole = np.ones((30, 1)), np.zeros((200, 1))
    found = detect(np.concatenate([broken, whole]), np.array([0.2]), 0.0, 0.1, np.ones(1))
    assert len(found.alarms) >= 2
    assert max(found.alarms) < 30
    assert found.value[-1] < 0.01


def test_a_part_with_nothing_on_a_day_bets_nothing() -> None:
    """Its capital stays, but for the gambler who starts that day."""
    known, half = np.array([[1.0], [1.0], [0.0]]), np.array([[1.0], [np.nan], [0.0]])
    all_days, some = (detect(one, np.array([0.2]), 0.0, 0.1, np.ones(1)).value for one in (known, half))
    assert some[1] == pytest.approx(some[0] + 0.1 / 252)
    assert some[1] < all_days[1]


def test_a_third_that_fails_is_called_and_named() -> None:
    """Bands of the calmest symbols hold on 85 % of their rows, those of the others always: 95 % on the whole."""
    (rows,) = years(1, seed=9)
    calm = pl.col("sigma").rank("ordinal").over("target_session") <= 4
    chance = pl.Series(np.random.default_rng(9).random(rows.height))
    claim = named(rows.with_columns(hit_95=~calm | (chance < 0.85)), "95 % band too narrow")
    assert claim.alarms
    assert set(claim.alarm_groups) == {"calm"}
    assert [(one.group, one.sessions) for one in claim.parts] == [(group, 252) for group in GROUPS]
    assert claim.value == pytest.approx(sum(one.value for one in claim.parts))
    assert claim.part("calm").recent < claim.part("calm").allowed < claim.part("wild").recent == 1.0
    assert [line["alarms"] for line in claim.lines()] == [len(claim.alarms), len(claim.alarms), 0, 0]
    few = named(rows.filter(pl.col("symbol").is_in(["S0", "S1", "S2"])), "95 % band too narrow")
    assert [one.sessions for one in few.parts] == [252, 0, 0, 0]
    assert [line["group"] for line in few.lines()] == ["all"]


def test_a_forecast_worse_than_the_random_walk_is_called() -> None:
    """A tenth worse on every session: within two months; as good as it never."""
    (rows,) = years(1, seed=4)
    worse = rows.with_columns(crps=pl.col("crps_random_walk") * 1.1)
    same = rows.with_columns(crps=pl.col("crps_random_walk"))
    assert named(worse, "worse than the random walk").alarms[0] < FIRST + timedelta(days=90)
    assert named(same, "worse than the random walk").alarms == ()


def test_sessions_with_results_stand_apart() -> None:
    """All bands missed on the days of results don't speak against the ordinary ones, and are called by themselves."""
    (rows,) = years(1, seed=5)
    days = [FIRST + timedelta(days=day) for day in range(0, 252, 8)]
    of_results = pl.col("target_session").is_in(days)
    kind = pl.when(of_results).then(pl.lit("event")).otherwise(pl.lit("other"))
    ordinary, *_, apart, _ = watch(rows.with_columns(pl.col("hit_95") & ~of_results, kind=kind))
    assert (ordinary.sessions, ordinary.alarms) == (252 - len(days), ())
    assert (apart.kind, apart.sessions) == ("event", len(days))
    assert apart.alarms


def test_nothing_settled_claims_nothing() -> None:
    """Without rows each claim stands at zero, its mean not known."""
    (rows,) = years(1, seed=6)
    assert [(one.sessions, one.recent, one.value, one.alarms) for one in watch(rows.head(0))] == [
        (0, None, 0.0, ())
    ] * len(CLAIMS)
