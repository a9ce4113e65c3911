"""What is told of a version's proofs is what the decisions about it say; a broken promise takes the champion away."""

from datetime import UTC, datetime

import pytest

from app.core.db import Database
from app.core.settings import Settings
from app.registry.promotion.champion import Champion, promote, rollback, withdraw
from app.registry.promotion.decisions import decide, nothing_decided
from app.registry.promotion.proofs import OWED, Proofs, proofs_of
from app.registry.versions import artefact
from app.registry.versions.model import Model
from tests.registry.models import another

NOW = datetime(2018, 1, 2, 3, 4, 5, tzinfo=UTC)
FIRST, SECOND, THIRD = "20171013-0a1b2c3d", "20180102-11111111", "20180103-22222222"


@pytest.fixture
def stored(settings: Settings, model: Model) -> Settings:
    """Store three versions."""
    artefact.save(model, settings.models_dir / FIRST)
    for version in (SECOND, THIRD):
        artefact.save(another(model, version), settings.models_dir / version)
    return settings


def proved(leakage: bool = True, placebo: bool = True) -> dict[str, object]:
    """Return the evidence of two proofs."""
    ran = {"leakage": leakage, "placebo": placebo}
    return {"proofs": [{"name": name, "passed": passed} for name, passed in ran.items()]}


def told(database: Database, version: str) -> Proofs:
    """Return how a version's proofs stand."""
    with database.read() as db:
        return proofs_of(db, [version])[version]


def serving(settings: Settings) -> str | None:
    """Return the version that a fresh process would serve."""
    current = Champion(settings).current()
    return current.card.version if current else None


def test_a_first_champion_owes_its_proofs_until_they_have_run(stored: Settings, database: Database) -> None:
    """Running while a job is at it, not run when it was stopped, held when all of them did."""
    assert nothing_decided(database)
    promote(stored, database, FIRST, "first", {OWED: True}, NOW)
    assert not nothing_decided(database)
    owing = told(database, FIRST)
    assert (owing.owed, owing.state(running=True), owing.state(running=False)) == (True, "running", "not run")
    assert owing.summary(running=True) == "running, none has ended yet"

    decide(database, "proof", FIRST, None, "they hold", proved(), NOW)
    held = told(database, FIRST)
    assert (held.owed, held.state(running=False)) == (False, "held")
    assert held.summary(running=True) == "leakage held, placebo held"


def test_a_promotion_by_hand_doesnt_claim_a_proof(stored: Settings, database: Database) -> None:
    """Nothing ran, nothing is owed; and a job that proves another version changes nothing about it."""
    promote(stored, database, FIRST, "by hand", {"verdict": "none"}, NOW)
    found = told(database, FIRST)
    assert (found.owed, found.state(running=True), found.summary(running=True)) == (False, "not run", "not run")
    assert told(database, "20991231-00000000") == Proofs()


def test_a_promotion_by_hand_doesnt_wash_a_failed_proof_away(stored: Settings, database: Database) -> None:
    """Whoever serves it all the same sees what failed."""
    decide(database, "refusal", FIRST, None, "placebo fails", proved(placebo=False), NOW)
    promote(stored, database, FIRST, "by hand", {OWED: True}, NOW)
    found = told(database, FIRST)
    assert (found.owed, found.state(running=True)) == (False, "failed")
    assert found.summary(running=False) == "leakage held, placebo failed"


def test_a_failed_proof_leaves_nobody_served(stored: Settings, database: Database) -> None:
    """The pointer is gone, also for a process that had the champion loaded, and the decision says why."""
    seen = Champion(stored)
    promote(stored, database, FIRST, "first", {OWED: True}, NOW)
    assert seen.current() is not None
    withdraw(stored, database, FIRST, "leakage fails: volume_5", proved(leakage=False), NOW)
    assert seen.current() is None
    assert serving(stored) is None
    assert told(database, FIRST).state(running=False) == "failed"
    assert not list(stored.models_dir.glob("champion.json"))


def test_another_that_was_promoted_meanwhile_stays(stored: Settings, database: Database) -> None:
    """The one withdrawn is only forgotten as what a rollback would return to."""
    promote(stored, database, THIRD, "by hand", {}, NOW)
    promote(stored, database, FIRST, "by hand", {}, NOW)
    promote(stored, database, SECOND, "by hand", {}, NOW)
    withdraw(stored, database, FIRST, "leakage fails", proved(leakage=False), NOW)
    assert serving(stored) == SECOND
    assert rollback(stored, database, "back", NOW).version == THIRD


def test_the_one_before_is_served_again(stored: Settings, database: Database) -> None:
    """Where there was a champion before the one that is withdrawn."""
    promote(stored, database, SECOND, "by hand", {}, NOW)
    promote(stored, database, FIRST, "by hand", {}, NOW)
    withdraw(stored, database, FIRST, "placebo fails", proved(placebo=False), NOW)
    assert serving(stored) == SECOND


def test_withdrawing_what_nobody_serves_is_recorded(stored: Settings, database: Database) -> None:
    """Without a pointer there is nothing to move."""
    withdraw(stored, database, FIRST, "placebo fails", proved(placebo=False), NOW)
    assert told(database, FIRST).state(running=False) == "failed"
