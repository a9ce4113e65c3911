"""What rules find in a market that is lived through, and that they tell it once."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from app.core.errors import BadInput, InvalidSymbol, NotThere
from app.monitoring.alerts import outbox, rules
from app.monitoring.alerts.evaluate import evaluate
from app.monitoring.alerts.tables import Rule
from app.prices import store
from app.prices.frame import REPORTED_SCHEMA
from app.prices.store import event_updates
from tests.forecasts import small
from tests.monitoring.conftest import Life

Begin = Callable[..., Life]
NOW = datetime(2021, 11, 15, 22, 0, tzinfo=UTC)


@pytest.fixture
def watched(life: Begin) -> Life:
    """Begin a life with a champion and all symbols watched, in which AAA jumps in the next session."""
    jump = pl.when(pl.col("symbol") == "AAA", pl.col("session") >= date(2021, 11, 16)).then(1.25).otherwise(1.0)
    prices = [(pl.col(name) * jump).alias(name) for name in ("open", "high", "low", "close", "adj_close")]
    begun = life(bars=small.bars().with_columns(prices))
    begun.crown(small.model())
    with begun.database.write() as db:
        store.watch(db, small.SYMBOLS, NOW)
    return begun


def add(life: Life, kind: Any, **values: Any) -> Rule:
    """Add a rule."""
    with life.database.write() as db:
        return rules.add(db, NOW, kind, **values)


def told(life: Life, report: dict[str, Any] | None = None) -> Sequence[tuple[str | None, str]]:
    """Evaluate, and return symbol and text of the new alerts."""
    with life.database.read() as db:
        before = {one.alert.id for one in outbox.recent(db, 200)}
    found = evaluate(life.settings, life.database, life.clock, report)
    with life.database.read() as db:
        new = [one.alert for one in outbox.recent(db, 200) if one.alert.id not in before]
    assert len(new) == found
    return sorted((one.symbol, one.text) for one in new)


def report(verdict: str, at: str = "2021-11-15T22:00:00Z") -> dict[str, Any]:
    """Return what monitoring says."""
    return {"verdict": verdict, "reasons": ["Because."], "made_at": at}


def test_a_close_outside_its_band_is_told_once(watched: Life) -> None:
    """Of the symbol that jumped, with its figures; a rule about another one finds nothing."""
    add(watched, "band")
    add(watched, "band", symbol="bbb")
    watched.forecast()
    assert told(watched) == []
    watched.next()
    ((symbol, text),) = told(watched)
    assert symbol == "AAA"
    assert "on 16 Nov 2021, above its 95\u202f% band" in text
    assert told(watched) == []


def test_a_large_expected_move_is_told_for_its_session(watched: Life) -> None:
    """Each symbol above the threshold, once a session."""
    add(watched, "move", threshold=0.5)
    add(watched, "move", symbol="AAA", threshold=0.0001)
    watched.forecast()
    ((symbol, text),) = told(watched)
    assert symbol == "AAA"
    assert "is expected to move by" in text
    assert told(watched) == []
    watched.next()
    watched.forecast()
    assert len(told(watched)) == 1


def test_old_prices_are_told_once_while_they_last(watched: Life) -> None:
    """From the wanted number of lacking sessions on; a later look at the same bars says nothing new."""
    add(watched, "stale", threshold=3)
    watched.evening += timedelta(days=2)
    assert told(watched) == []
    watched.evening += timedelta(days=1)
    assert [symbol for symbol, _ in told(watched)] == list(small.SYMBOLS)
    watched.evening += timedelta(days=4)
    assert told(watched) == []


def test_results_are_told_the_evening_before(watched: Life) -> None:
    """By the days that are stored: before the session that first trades them, or the day itself; once, never early."""
    days = [
        ("AAA", date(2021, 11, 17), "bmo", None),
        ("BBB", date(2021, 11, 16), "amc", None),
        ("CCC", date(2021, 11, 18), "bmo", None),
    ]
    with watched.database.write() as db:
        event_updates.update(db, pl.DataFrame(days, schema=REPORTED_SCHEMA, orient="row"), "yahoo", NOW)
    add(watched, "results")
    add(watched, "results", symbol="CCC")
    found = []
    for _ in range(3):
        watched.forecast()
        found.append(told(watched))
        assert told(watched) == []
        watched.next()
    before_open, after_close = ", before the open; the next session is", ", after the close; the next session is"
    assert found == [
        [("BBB", f"BBB has results on 16 Nov 2021{after_close} 16 Nov 2021.")],
        [("AAA", f"AAA has results on 17 Nov 2021{before_open} 17 Nov 2021.")],
        [("CCC", f"CCC has results on 18 Nov 2021{before_open} 18 Nov 2021.")] * 2,
    ]


def test_a_verdict_is_told_when_it_changes(watched: Life) -> None:
    """At least as bad as wanted, or any change; what stays isn't told, what comes back is."""
    add(watched, "verdict", level="degraded")
    add(watched, "verdict", level="any")
    assert told(watched) == []
    found = [len(told(watched, report(verdict, str(at)))) for at, verdict in enumerate(
        ("healthy", "healthy", "watch", "degraded", "degraded", "healthy", "degraded")
    )]  # fmt: skip
    assert found == [0, 0, 1, 2, 0, 1, 2]


def test_rules_are_kept_listed_and_removed(watched: Life) -> None:
    """With the usual filled in, and told in words."""
    made = [add(watched, kind) for kind in rules.KINDS]
    assert [rules.told(one) for one in made] == [
        "The verdict becomes watch or worse",
        "Prices of a watched symbol lack 2 sessions or more",
        "The close of a watched symbol leaves its 95\u202f% band",
        "Results of a watched symbol come with the next session",
        "The expected move of a watched symbol is above 3.0\u202f%",
    ]
    with watched.database.write() as db:
        rules.remove(db, made[0].id)
        assert rules.stored(db) == made[1:]
        with pytest.raises(NotThere):
            rules.remove(db, made[0].id)


@pytest.mark.parametrize(
    ("kind", "values", "error"),
    [
        ("verdict", {"level": "awful"}, BadInput),
        ("band", {"threshold": 0.9}, BadInput),
        ("stale", {"threshold": 0}, BadInput),
        ("move", {"threshold": 3.0}, BadInput),
        ("move", {"symbol": "^VIX"}, InvalidSymbol),
        ("verdict", {"symbol": "AAA"}, BadInput),
        ("results", {"threshold": 0.95}, BadInput),
    ],
)
def test_a_rule_that_means_nothing_is_refused(
    watched: Life, kind: str, values: dict[str, Any], error: type[Exception]
) -> None:
    """With what it may be."""
    with pytest.raises(error):
        add(watched, kind, **values)
