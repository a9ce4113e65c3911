"""The review: shadow rows decide who forecasts, and when the champion is trained again."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest

from app.forecasts.ledger import records
from app.forecasts.prediction.predict import predict_all
from app.prices import store
from app.registry.promotion.decisions import decide
from app.training.contest import proving
from app.training.proofs.proof import Proof
from tests.forecasts import small
from tests.monitoring.conftest import Life

THROUGH = date(2021, 11, 12)
"""The champion learnt through the session before these lives begin."""


def version(name: str, wider: float = 0.0, through: date = THROUGH) -> Any:
    """Return a version of the small model whose bands are wider than they should be by a factor's log."""
    return small.model(name, wider=wider, through=through)


def test_a_better_challenger_is_promoted_by_its_shadow_rows(life: Callable[..., Life]) -> None:
    """The champion's bands are far too wide: after 20 sessions, and not before, the other one serves."""
    now = life()
    now.crown(version("v1", wider=2.0))
    now.challenge(version("v2"))
    now.live(19)
    assert now.review().done == ["retrained all candidates: noted"]
    assert now.served() == "v1"
    now.live(1)
    found = now.review()
    assert (found.moved_to, now.served(), now.shadow()) == ("v2", "v2", ("v1",))
    kind, promoted, reason = now.decided()[0]
    assert (kind, promoted) == ("promotion", "v2")
    assert reason.startswith("it does better: CRPS -")
    assert reason.endswith("beside the champion on 80 rows of 20 sessions that both forecast")
    with now.database.read() as db:
        row = proving.select(proving.DecisionRow).order_by(proving.col(proving.DecisionRow.id).desc())
        evidence = db.exec(row).first().evidence
    assert evidence["duel"]["whole"]["upper"] < 0
    assert [(one["name"], one["passed"]) for one in evidence["proofs"]] == [("leakage", True), ("placebo", True)]


def test_a_challenger_made_worse_on_purpose_is_not(life: Callable[..., Life]) -> None:
    """Its bands are far too wide: it leaves, with the duel as evidence, and is looked at no more."""
    now = life()
    now.crown(version("v1"))
    now.challenge(version("v2", wider=2.0))
    now.live(20)
    found = now.review()
    assert (found.moved_to, now.served(), now.shadow()) == (None, "v1", ())
    kind, retired, reason = now.decided()[0]
    assert (kind, retired) == ("retirement", "v2")
    assert reason.startswith("it does worse: CRPS +")


def test_a_fresh_champion_that_does_worse_is_rolled_back(life: Callable[..., Life]) -> None:
    """The one before went on in shadow; what it forecasts as champion again is what it would have, to the bit."""
    now = life()
    now.crown(version("v1"))
    now.forecast()
    now.next()
    now.crown(version("v2", wider=2.0))
    assert now.shadow() == ("v1",)
    now.live(20)
    found = now.review()
    assert (found.moved_to, now.served(), now.shadow()) == ("v1", "v1", ())
    assert now.decided()[0][:2] == ("rollback", "v1")
    now.forecast()
    with now.database.read() as db:
        made = {one.forecast.symbol: one.forecast for one in records.page(db, limit=4).entries}
        bars, exchanges = store.history(db, "AAA"), store.exchanges(db)
    whole = small.bars(last=now.evening)
    assert bars.height == whole.filter(symbol="AAA").height
    expected = predict_all(whole, exchanges, version("v1")).by_symbol
    for symbol in small.SYMBOLS:
        assert (made[symbol].origin, made[symbol].model_version, made[symbol].as_of) == ("live", "v1", now.evening)
        assert made[symbol].quantiles == expected[symbol].quantiles
        assert made[symbol].prob_up == expected[symbol].prob_up


def test_a_winner_that_fails_a_proof_leaves(life: Callable[..., Life], monkeypatch: pytest.MonkeyPatch) -> None:
    """Better on paper and seeing the future is no better: the failure is the reason that is kept."""
    leaks = Proof("leakage", passed=False, details=("v2 reads tomorrow",), elapsed_s=0.1)
    monkeypatch.setattr(proving, "leakage", lambda *_args, **_kwargs: leaks)  # planting a leak takes a feature
    now = life()
    now.crown(version("v1", wider=2.0))
    now.challenge(version("v2"))
    now.live(20)
    now.review()
    assert (now.served(), now.shadow()) == ("v1", ())
    assert now.decided()[0] == ("retirement", "v2", "leakage fails: v2 reads tomorrow")


def test_what_was_published_for_a_session_stands(life: Callable[..., Life]) -> None:
    """Once a session is forecast, nothing is decided until the next one: no session has two champions."""
    now = life()
    now.crown(version("v1", wider=2.0))
    now.challenge(version("v2"))
    now.live(20)
    now.forecast()
    found = now.review("degraded")
    assert (found.duels, found.done, now.served(), now.trained) == ([], [], "v1", [])


def past(now: Life, kind: Any, through: str, training: str) -> None:
    """Note a past training in the decisions."""
    evidence = {"training": training, "card": {"trained_through": through}}
    decide(now.database, kind, f"v{through}", "v1", "test", evidence, datetime.combine(now.evening, small.NOW.timetz()))


@pytest.mark.parametrize(
    ("evening", "refit", "contest", "verdict", "expected"),
    [
        (date(2021, 11, 19), "2021-11-15", "2021-09-15", None, []),
        (date(2021, 11, 22), "2021-11-15", "2021-09-15", None, [("volatility", False)]),
        (date(2021, 11, 22), "2021-11-15", "2021-09-15", "watch", [("volatility", False)]),
        (date(2021, 12, 15), "2021-12-06", "2021-09-15", None, [(None, False)]),
        (date(2021, 11, 19), "2021-11-15", "2021-09-15", "degraded", [(None, True)]),
        (date(2021, 11, 19), "2021-11-15", "2021-11-08", "degraded", []),
        (date(2021, 11, 22), "2021-11-15", "2021-11-08", "degraded", [(None, True)]),
    ],
    ids=["same week", "next week", "watch", "a quarter on", "degraded", "degraded, lately tried", "degraded again"],
)
def test_when_the_champion_is_trained_again(
    life: Callable[..., Life],
    evening: date,
    refit: str,
    contest: str,
    verdict: str | None,
    expected: list[tuple[str | None, bool]],
) -> None:
    """Its recipe each week, all candidates each quarter, into shadow; when degraded at once, ten sessions apart."""
    now = life(evening)
    now.crown(small.model("v1", through=date(2021, 10, 1), name="volatility"))
    past(now, "promotion", contest, "contest")
    past(now, "challenge", refit, "refit")
    now.review(verdict)
    assert now.trained == expected


def test_an_expired_champion_is_replaced_without_waiting(life: Callable[..., Life]) -> None:
    """It learnt more than half a year ago: whoever wins a contest now may serve at once."""
    now = life()
    now.crown(small.model("v1", through=date(2021, 5, 14)))
    past(now, "promotion", "2021-05-14", "contest")
    now.review("healthy")
    assert now.trained == [(None, True)]
