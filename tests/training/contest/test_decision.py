"""The decision: the champion compared with is the one that is replaced."""

import pytest
from sqlmodel import select

from app.core.db import Database
from app.core.progress import silent
from app.core.settings import Settings
from app.registry.promotion import champion
from app.registry.promotion.tables import DecisionRow
from app.registry.versions import artefact
from app.registry.versions.model import Model
from app.training.contest.decision import SAME, Decision
from tests.training.contest.test_contest import CLOCK, model
from tests.training.walked import Walked


def promoting(monkeypatch: pytest.MonkeyPatch, settings: Settings, database: Database, other: Model) -> None:
    """Let someone promote another version while the proofs run: they have tests of their own, and take a minute."""

    def prove(*_: object) -> list[object]:
        champion.promote(settings, database, other.card.version, "by hand", {}, CLOCK.now())
        return []

    monkeypatch.setattr(Decision, "_prove", prove)


def test_a_champion_promoted_meanwhile_is_compared_with(
    settings: Settings, database: Database, walked: Walked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There was no champion when the proofs began; the better one that came during them isn't replaced."""
    winner, other = model(walked, "random_walk"), model(walked, "volatility")
    for one in (winner, other):
        artefact.save(one, settings.models_dir / one.card.version)
    promoting(monkeypatch, settings, database, other)
    promoted, reason = Decision(settings, database, CLOCK, silent).decide(walked.dataset, walked.evaluator, winner, {})
    assert not promoted
    assert "is above" in reason
    assert champion.Champion(settings).current() is not None
    with database.read() as db:
        decisions = [(row.kind, row.version, row.previous_version) for row in db.exec(select(DecisionRow)).all()]
    assert decisions == [
        ("promotion", other.card.version, None),
        ("refusal", winner.card.version, other.card.version),
    ]


def test_a_winner_promoted_meanwhile_isnt_promoted_again(
    settings: Settings, database: Database, walked: Walked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own version was promoted by hand during the proofs: nothing is left to decide."""
    winner = model(walked, "volatility")
    artefact.save(winner, settings.models_dir / winner.card.version)
    promoting(monkeypatch, settings, database, winner)
    decided = Decision(settings, database, CLOCK, silent).decide(walked.dataset, walked.evaluator, winner, {})
    assert decided == (False, SAME)
