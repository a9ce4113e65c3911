"""The decision: the champion compared with is the one that is replaced."""

import re
from dataclasses import replace

import pytest
from sqlmodel import col, select

from app.core.db import Database
from app.core.progress import silent
from app.core.settings import Settings
from app.registry.components.panel import Array
from app.registry.components.shape import PooledShape
from app.registry.promotion import champion
from app.registry.promotion.decisions import nothing_decided
from app.registry.promotion.proofs import Proofs, proofs_of
from app.registry.promotion.tables import DecisionRow
from app.registry.versions import artefact
from app.registry.versions.model import Model
from app.training.contest.decision import SAME, Decision
from app.training.data.folds import folds
from app.training.evaluation.evaluator import Evaluator
from app.training.evaluation.selection import Choice, SessionSums, choose
from app.training.fitting import calibration
from app.training.proofs.proof import Proof
from app.training.walk_forward import walk_forward
from app.training.walk_forward.walk_forward import WalkForward
from tests.training.contest.test_contest import CLOCK, HELD, model
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


def proving(monkeypatch: pytest.MonkeyPatch, *proofs: Proof) -> None:
    """Let the proofs come to this, which have tests of their own and take a minute."""
    monkeypatch.setattr(Decision, "_prove", lambda _, __: list(proofs))


FAILED = Proof("placebo", passed=False, details=("market 0 has no edge, and ridge claims skill",), elapsed_s=1.0)


def stored(settings: Settings, walked: Walked, name: str = "volatility") -> Model:
    """Save a candidate of the walk as a version."""
    made = model(walked, name)
    artefact.save(made, settings.models_dir / made.card.version)
    return made


def served(settings: Settings) -> str | None:
    """Return the version that is served."""
    current = champion.Champion(settings).current()
    return current.card.version if current else None


def test_the_very_first_winner_is_served_and_settled_by_its_proofs(
    settings: Settings, database: Database, walked: Walked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It owes its proofs, says so, and they are recorded with what they came to."""
    winner, decision = stored(settings, walked), Decision(settings, database, CLOCK, silent)
    version = winner.card.version
    assert decision.serve_first(winner, chosen(walked.evaluator), {"tries": 9})
    assert served(settings) == version
    with database.read() as db:
        assert proofs_of(db, [version])[version] == Proofs(owed=True)
        promotion = db.exec(select(DecisionRow)).one()
    assert promotion.reason.endswith("there was no champion, so that it is served while its proofs run")
    assert promotion.evidence["tries"] == 9

    proving(monkeypatch, HELD)
    assert decision.settle(winner) == (True, "its proofs hold, which ran after it was served")
    with database.read() as db:
        assert proofs_of(db, [version])[version] == Proofs({"leakage": True})
    assert served(settings) == version


def test_a_first_winner_that_fails_a_proof_is_withdrawn_and_proved_first_next_time(
    settings: Settings, database: Database, walked: Walked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same contest again proves before it promotes, as any but the very first does, and refuses it."""
    winner, decision = stored(settings, walked), Decision(settings, database, CLOCK, silent)
    choice = chosen(walked.evaluator)
    assert decision.serve_first(winner, choice, {})
    proving(monkeypatch, HELD, FAILED)
    failure = f"placebo fails: {FAILED.details[0]}"
    assert decision.settle(winner) == (False, failure)
    assert served(settings) is None

    assert not decision.is_first()
    assert not decision.serve_first(winner, choice, {})
    assert decision.decide(walked.dataset, walked.evaluator, winner, choice, {}) == (False, failure)
    assert served(settings) is None
    with database.read() as db:
        kinds = [row.kind for row in db.exec(select(DecisionRow).order_by(col(DecisionRow.id)))]
    assert kinds == ["promotion", "withdrawal", "refusal"]


def test_who_takes_a_place_is_proved_first(settings: Settings, database: Database, walked: Walked) -> None:
    """With a champion in place nobody is served on credit."""
    champion_model, winner = stored(settings, walked, "ewma"), stored(settings, walked)
    champion.promote(settings, database, champion_model.card.version, "by hand", {}, CLOCK.now())
    assert not Decision(settings, database, CLOCK, silent).serve_first(winner, chosen(walked.evaluator), {})
    assert served(settings) == champion_model.card.version


def test_bands_that_dont_hold_are_served_to_nobody(
    settings: Settings, database: Database, walked: Walked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What refuses a candidate whatever its loss refuses the very first one too, before it is served."""
    wide = sabotaged(walked, monkeypatch)
    winner = stored(settings, wide)
    assert not Decision(settings, database, CLOCK, silent).serve_first(winner, chosen(wide.evaluator), {})
    assert served(settings) is None
    assert nothing_decided(database)


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
