"""The decision: the champion compared with is the one that is replaced."""

import re
from dataclasses import replace

import pytest
from sqlmodel import select

from app.core.db import Database
from app.core.progress import silent
from app.core.settings import Settings
from app.registry.components.panel import Array
from app.registry.components.shape import PooledShape
from app.registry.promotion import champion
from app.registry.promotion.tables import DecisionRow
from app.registry.versions import artefact
from app.registry.versions.model import Model
from app.training.contest.decision import SAME, Decision
from app.training.data.folds import folds
from app.training.evaluation.evaluator import Evaluator
from app.training.evaluation.selection import Choice, SessionSums, choose
from app.training.fitting import calibration
from app.training.walk_forward import walk_forward
from app.training.walk_forward.walk_forward import WalkForward
from tests.training.contest.test_contest import CLOCK, model
from tests.training.evaluation.test_comparison import champion as champion_of
from tests.training.walked import Walked


def chosen(evaluator: Evaluator) -> Choice:
    """Return the choice of a walk."""
    return choose({name: SessionSums.of(evaluator.rows(name)) for name in evaluator.names})


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
    winner, other = model(walked, "random_walk"), champion_of(walked, better_by=0.03)
    for one in (winner, other):
        artefact.save(one, settings.models_dir / one.card.version)
    promoting(monkeypatch, settings, database, other)
    promoted, reason = Decision(settings, database, CLOCK, silent).decide(
        walked.dataset, walked.evaluator, winner, chosen(walked.evaluator), {}
    )
    assert not promoted
    assert reason.startswith("it is worse beside the champion on ")
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
    decided = Decision(settings, database, CLOCK, silent).decide(
        walked.dataset, walked.evaluator, winner, chosen(walked.evaluator), {}
    )
    assert decided == (False, SAME)


def sabotaged(walked: Walked, monkeypatch: pytest.MonkeyPatch) -> Walked:
    """Walk the same market again with bands 1.5 times too wide: a defect that all pooled candidates share."""
    honest = calibration.pooled_shape

    def too_wide(residuals: Array) -> PooledShape | None:
        shape = honest(residuals)
        return shape and replace(shape, z=tuple(1.5 * one for one in shape.z))

    for module in (calibration, walk_forward):
        monkeypatch.setattr(module, "pooled_shape", too_wide)
    walk, evaluator = WalkForward(walked.dataset, folds(walked.dataset)), Evaluator(walked.dataset)
    walk.run(evaluator)
    return Walked(walked.dataset, walk, evaluator, [])


def test_a_sabotaged_contest_isnt_promoted(
    settings: Settings, database: Database, walked: Walked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The champion's own record, made before the defect, shows what today's candidates can't show each other.

    Nothing came since the champion was trained, the proofs hold, and all that share the defect are equally wrong. Its
    bands refuse the candidate, and so does its loss beside what the champion's card recorded.
    """
    champion_model, wide = model(walked, "volatility"), sabotaged(walked, monkeypatch)
    artefact.save(champion_model, settings.models_dir / champion_model.card.version)
    winner = model(wide, "volatility")
    artefact.save(winner, settings.models_dir / winner.card.version)
    promoting(monkeypatch, settings, database, champion_model)
    choice = chosen(wide.evaluator)
    promoted, reason = Decision(settings, database, CLOCK, silent).decide(
        walked.dataset, wide.evaluator, winner, choice, {}
    )
    assert not promoted
    assert re.match(r"volatility: its 50 % band holds 6\d\.\d % of outcomes", reason)
    assert choice.winner in {"random_walk", "drift"}
    with database.read() as db:
        evidence = db.exec(select(DecisionRow).where(DecisionRow.kind == "refusal")).one().evidence
    assert not evidence["comparison"]["better"]
    assert evidence["comparison"]["recorded"] > 200
    assert evidence["comparison"]["behind"] > 4 * evidence["comparison"]["behind_error"] > 0.0
    assert {one["name"]: bool(one["refused"]) for one in evidence["choice"]["standings"]}["ridge"]
