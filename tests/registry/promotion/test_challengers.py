"""Who forecasts in shadow follows from the decisions, and how old a champion may be from what it learnt."""

from datetime import UTC, date, datetime

import pytest

from app.core.db import Database
from app.core.settings import Settings
from app.registry.promotion import champion
from app.registry.promotion.challengers import MOST, in_shadow, loaded
from app.registry.promotion.decisions import decide, history, trainings
from app.registry.versions import artefact
from app.registry.versions.model import Model
from app.registry.versions.stored import EXPIRES_AFTER, is_expired, sessions_since
from tests.registry.models import another

NOW = datetime(2018, 1, 2, 3, 4, 5, tzinfo=UTC)
OLD, NEW, NEWER = "20171013-0a1b2c3d", "20180102-11111111", "20180102-22222222"


@pytest.fixture
def stored(settings: Settings, model: Model) -> Settings:
    """Store three versions."""
    for version in (OLD, NEW, NEWER):
        artefact.save(another(model, version), settings.models_dir / version)
    return settings


def shadow(database: Database) -> tuple[str, ...]:
    """Return who is in shadow."""
    with database.read() as db:
        return in_shadow(db)


def test_a_life_in_shadow(stored: Settings, database: Database) -> None:
    """A challenger enters, wins and leaves; the champion it replaced enters; the one rolled back has had its turn."""
    champion.promote(stored, database, OLD, "first", {}, NOW)
    assert shadow(database) == ()
    decide(database, "challenge", NEW, OLD, "retrained", {}, NOW)
    decide(database, "challenge", NEWER, OLD, "retrained", {}, NOW)
    assert shadow(database) == (NEWER, NEW)
    champion.promote(stored, database, NEW, "it won", {}, NOW)
    assert shadow(database) == (OLD, NEWER)
    decide(database, "retirement", NEWER, NEW, "it lost", {}, NOW)
    champion.rollback(stored, database, "worse than the one before", NOW, {"rows": 200})
    assert shadow(database) == ()
    with database.read() as db:
        rows = history(db)
        assert [row.kind for row in rows] == [
            "rollback",
            "retirement",
            "promotion",
            "challenge",
            "challenge",
            "promotion",
        ]
        assert rows[0].evidence == {"rows": 200}
        assert [row.id for row in history(db, before=rows[1].id, limit=2)] == [rows[2].id, rows[3].id]


def test_promoting_the_champion_again_puts_nobody_in_shadow(stored: Settings, database: Database) -> None:
    """It can't challenge itself; and a version that was refused doesn't challenge either."""
    champion.promote(stored, database, OLD, "first", {}, NOW)
    champion.promote(stored, database, OLD, "again", {}, NOW)
    decide(database, "refusal", NEW, OLD, "a proof fails", {}, NOW)
    assert shadow(database) == ()


def test_newer_challengers_take_the_places_of_the_oldest(database: Database) -> None:
    """So many are in shadow at most, the newest first."""
    for number in range(MOST + 2):
        decide(database, "challenge", f"v{number}", "v", "retrained", {}, NOW)
    assert shadow(database) == tuple(f"v{number}" for number in range(MOST + 1, 1, -1))


def test_a_challenger_whose_files_are_gone_is_left_out(stored: Settings) -> None:
    """The others forecast all the same."""
    assert [one.card.version for one in loaded(stored, [NEW, "20180102-gone", "../x", OLD])] == [NEW, OLD]


def test_past_trainings_are_read_from_the_evidence(database: Database) -> None:
    """What each learnt through, whether all candidates competed, and whether it could win at once; newest first."""
    card = {"card": {"trained_through": "2017-10-13"}}
    decide(database, "promotion", OLD, None, "first", card, NOW)
    decide(database, "promotion", NEW, OLD, "by hand", {}, NOW)
    decide(database, "challenge", NEWER, NEW, "weekly", {**card, "training": "refit"}, NOW)
    with database.read() as db:
        found = [(one.through, one.is_contest, one.at_once) for one in trainings(db)]
    assert found == [(date(2017, 10, 13), False, False), (date(2017, 10, 13), True, True)]


def test_a_version_expires_half_a_year_after_what_it_learnt() -> None:
    """Counted in sessions, the weekend not among them."""
    assert sessions_since(date(2020, 12, 31), date(2021, 1, 4)) == 1
    assert sessions_since(date(2020, 12, 31), date(2020, 12, 31)) == 0
    assert EXPIRES_AFTER == 126
    assert not is_expired(date(2020, 12, 31), date(2021, 7, 1))
    assert is_expired(date(2020, 12, 31), date(2021, 7, 6))
