"""A market three times as wild from one session on: called within 15 sessions, and the bands hold again within 40."""

import re
from collections.abc import Callable
from datetime import date

import numpy as np
import polars as pl

from app.monitoring.report import monitor
from app.monitoring.turn import turn
from app.registry.components.levels import INTERVALS
from app.training.data import simulated
from app.training.data.candidates import CANDIDATES
from app.training.data.dataset import prepare
from app.training.data.folds import folds
from app.training.evaluation.evaluator import Evaluator
from app.training.walk_forward.walk_forward import WalkForward
from tests.monitoring.conftest import Life
from tests.monitoring.wilder import wilder
from tests.training.contest.test_contest import model
from tests.training.walked import Walked

SYMBOLS, SESSIONS, CHANGE = 10, 900, 780
JUDGED = tuple(one for one in CANDIDATES if one.name in {"random_walk", "volatility"})


def market(seed: int) -> pl.DataFrame:
    """Return bars of a market whose returns are three times as wild from session `CHANGE` on."""
    bars = simulated.market(seed, symbols=SYMBOLS, sessions=SESSIONS)
    return wilder(bars, bars["session"].unique().sort()[CHANGE])


def trained(bars: pl.DataFrame) -> Walked:
    """Walk the recipe that is served over bars, as a training does."""
    dataset = prepare(bars)
    walk, evaluator = WalkForward(dataset, folds(dataset), JUDGED), Evaluator(dataset)
    walk.run(evaluator)
    return Walked(dataset, walk, evaluator, [])


def test_the_verdict_calls_it_and_forecasts_go_on(life: Callable[..., Life]) -> None:
    """A served champion, evening by evening: healthy before, called within 15 sessions, its bands still the claim."""
    bars = market(2)
    days = bars["session"].unique().sort().to_list()
    champion = model(trained(bars.filter(pl.col("session") <= days[CHANGE - 20])), "volatility")
    now = life(days[CHANGE - 6], bars)
    now.crown(champion)
    now.live(5)
    before = monitor(now.settings, now.database, now.clock)
    assert (before.verdict, before.turn.is_wilder) == ("healthy", False)
    now.live(15)
    assert now.evening == days[CHANGE + 14]
    report = monitor(now.settings, now.database, now.clock)
    assert report.verdict == "watch"
    assert re.match(r"The market moves [23]\.\d times as much as in the year before", report.reasons[0])
    assert report.rows == 20 * SYMBOLS


def test_the_turn_is_called_within_15_sessions_in_every_market() -> None:
    """Twelve of them, half within a week; and in none before it happened."""
    delays = []
    for seed in range(1, 13):
        bars = market(seed)
        days = bars["session"].unique().sort().to_list()

        def called(session: int, bars: pl.DataFrame = bars, days: list[date] = days) -> bool:
            found = turn(bars.filter(pl.col("session").is_between(days[session - 400], days[session])))
            return found is not None and found.is_wilder

        assert not called(CHANGE - 1)
        delays.append(next(delay for delay in range(1, 99) if called(CHANGE - 1 + delay)))
    assert max(delays) <= 15
    assert np.median(delays) <= 7


def test_a_quiet_market_and_a_short_one_have_no_turn() -> None:
    """As wild as ever is no turn; and nothing is said of a market without a year, or one that stands still."""
    bars = simulated.market(1, symbols=3, sessions=400)
    found = turn(bars)
    assert found is not None
    assert found.ratio == found.recent / found.usual
    assert turn(bars.filter(pl.col("session") > bars["session"].unique().sort()[-260])) is None
    assert turn(bars.with_columns(close=pl.lit(7.0))) is None


def test_bands_hold_again_within_three_points_forty_sessions_on() -> None:
    """By the champion's own adaptation alone, over the 40 sessions after those, in twelve markets of ten symbols."""
    inside = {level: np.zeros(0) for level in INTERVALS}
    narrow = {level: np.zeros(0) for level in INTERVALS}
    for seed in range(1, 13):
        bars = market(seed)
        dataset = prepare(bars)
        start = dataset.session(CHANGE - 20)
        pipeline = trained(bars.filter(pl.col("session") < start)).walk.fitted["volatility"]
        made = dataset.forecast(pipeline, start)
        outcomes = dataset.target[made.rows]
        after = dataset.panel.day[made.rows] + 1 - CHANGE
        for level, (low, high) in INTERVALS.items():
            held = (made.quantiles[:, low] <= outcomes) & (outcomes <= made.quantiles[:, high])
            inside[level] = np.append(inside[level], held[(after >= 40) & (after < 80)])
            narrow[level] = np.append(narrow[level], held[(after >= 0) & (after < 10)])
    assert narrow[0.95].mean() < 0.88, "the change is one that is felt"
    for level, held in inside.items():
        assert len(held) == 12 * SYMBOLS * 40
        assert abs(held.mean() - level) < 0.03, (level, held.mean())
