"""The duel: same rows only, and neither luck nor a few sessions promote anybody."""

from datetime import date, timedelta

import numpy as np
import polars as pl

from app.monitoring.duel import FEWEST_SESSIONS, FRESHER_BY, Duel, duel

FIRST = date(2021, 3, 1)


def rows(sessions: int, better_by: float, seed: int = 1, noise: float = 0.05, events: int = 0) -> pl.DataFrame:
    """Return settled rows of ten symbols by a champion and a challenger whose CRPS is lower by a part."""
    draws = np.random.default_rng(seed)
    champion = np.exp(draws.normal(-5.0, 0.5, (sessions, 10)))
    challenger = champion * (1.0 - better_by) * np.exp(draws.normal(0.0, noise, (sessions, 10)))
    frames = [
        pl.DataFrame(
            {
                "symbol": [f"S{number}" for number in range(10)] * sessions,
                "target_session": [FIRST + timedelta(days=row // 10) for row in range(10 * sessions)],
                "model_version": [version] * (10 * sessions),
                "origin": [origin] * (10 * sessions),
                "kind": ["event" if row // 10 < events else "other" for row in range(10 * sessions)],
                "crps": crps.ravel(),
            }
        )
        for version, origin, crps in (("old", "live", champion), ("new", "shadow", challenger))
    ]
    return pl.concat(frames)


def judged(found: Duel) -> tuple[bool, bool, bool]:
    """Return whether the challenger is better, fresher and no worse, or worse."""
    return found.is_better, found.is_fresher, found.is_worse


def test_a_better_challenger_wins_and_a_worse_one_loses() -> None:
    """Three points of CRPS in a month; the interval holds the truth."""
    better, worse = (duel(rows(21, by), "old", "new") for by in (0.03, -0.03))
    assert (judged(better), judged(worse)) == ((True, False, False), (False, False, True))
    assert better.whole.lower < -0.03 < better.whole.upper < 0
    assert (better.whole.sessions, better.whole.rows) == (21, 210)
    assert str(better).startswith("CRPS -3.")


def test_too_few_sessions_decide_nothing() -> None:
    """However large the difference is."""
    assert judged(duel(rows(FEWEST_SESSIONS - 1, 0.5), "old", "new", FRESHER_BY)) == (False, False, False)


def test_among_equals_the_fresher_one_wins_and_chance_nobody() -> None:
    """Of 300 duels of equals, looked at on six evenings each, chance alone decides one in fifty."""
    equal = rows(25, 0.0)
    assert judged(duel(equal, "old", "new", FRESHER_BY)) == (False, True, False)
    assert judged(duel(equal, "old", "new", FRESHER_BY - 1)) == (False, False, False)
    wrong = 0
    for seed in range(300):
        played = rows(25, 0.0, seed)
        evenings = [played.filter(pl.col("target_session") < FIRST + timedelta(days=day)) for day in range(20, 26)]
        found = [duel(evening, "old", "new") for evening in evenings]
        wrong += any(one.is_better or one.is_worse for one in found)
    assert wrong / 300 < 0.05


def test_only_rows_that_both_forecast_before_the_close_count() -> None:
    """A challenger isn't judged on easier days, a replay proves nothing, and what isn't settled says nothing."""
    played = rows(30, 0.03)
    early = pl.col("target_session") < FIRST + timedelta(days=10)
    partly = played.filter(~(early & (pl.col("model_version") == "new")))
    assert duel(partly, "old", "new").whole.sessions == 20
    replayed = played.with_columns(origin=pl.when(early).then(pl.lit("replay")).otherwise("origin"))
    assert duel(replayed, "old", "new").whole.sessions == 20
    unsettled = played.with_columns(crps=pl.when(early).then(None).otherwise("crps"))
    assert duel(unsettled, "old", "new").whole.sessions == 20
    assert judged(duel(played, "old", "nobody")) == (False, False, False)
    assert str(duel(played, "old", "nobody")) == "0 sessions in common"


def test_who_is_worse_when_results_come_is_not_promoted() -> None:
    """Better on ordinary sessions, a quarter worse on six that trade results: not for sure better where it matters."""
    played = rows(60, 0.06, events=6)
    spoilt = pl.when((pl.col("kind") == "event") & (pl.col("model_version") == "new"))
    found = duel(played.with_columns(crps=spoilt.then(pl.col("crps") * 1.25).otherwise("crps")), "old", "new")
    assert (found.on_events.sessions, found.ordinary.sessions) == (6, 54)
    assert found.whole.is_beyond(-2)
    assert not found.is_better
    assert duel(played, "old", "new").is_better
