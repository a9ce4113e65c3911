"""Which version is served, and that a process that dies leaves nothing half-promoted."""

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import select

from app.core.db import Database
from app.core.errors import BadInput, BrokenArtefact, NotThere
from app.core.settings import Settings
from app.registry.promotion import champion
from app.registry.promotion.champion import Champion, promote, rollback
from app.registry.promotion.tables import DecisionRow
from app.registry.versions import artefact
from app.registry.versions.model import Model
from tests.registry.models import another

NOW = datetime(2018, 1, 2, 3, 4, 5, tzinfo=UTC)
FIRST, SECOND = "20171013-0a1b2c3d", "20180102-11111111"


@pytest.fixture
def stored(settings: Settings, model: Model) -> Settings:
    """Store two versions, the first of them promoted by nobody yet."""
    artefact.save(model, settings.models_dir / FIRST)
    artefact.save(another(model, SECOND), settings.models_dir / SECOND)
    return settings


def decisions(database: Database) -> list[tuple[str, str, str | None]]:
    """Return kind, version and the version before of each decision."""
    with database.read() as db:
        rows = db.exec(select(DecisionRow).order_by(DecisionRow.id)).all()  # type: ignore[arg-type]
        return [(row.kind, row.version, row.previous_version) for row in rows]


def serving(settings: Settings) -> str | None:
    """Return the version that a fresh process would serve."""
    current = Champion(settings).current()
    return current.card.version if current else None


def test_nobody_is_champion_before_the_first_promotion(stored: Settings) -> None:
    """Stored isn't served."""
    assert Champion(stored).current() is None
    assert [card.version for card in Champion(stored).versions()] == [SECOND, FIRST]


def test_promotion_is_seen_without_a_restart(stored: Settings, database: Database) -> None:
    """The same object serves the new version from the next question on."""
    seen = Champion(stored)
    promote(stored, database, FIRST, "first", {"n": 1}, NOW)
    assert seen.current().card.version == FIRST
    promote(stored, database, SECOND, "better", {}, NOW)
    assert seen.current().card.version == SECOND
    assert decisions(database) == [("promotion", FIRST, None), ("promotion", SECOND, FIRST)]


def test_rollback_returns_step_by_step(stored: Settings, database: Database) -> None:
    """Back to the champion before; there is none before the first."""
    promote(stored, database, FIRST, "first", {}, NOW)
    promote(stored, database, SECOND, "better", {}, NOW)
    assert rollback(stored, database, "it was worse", NOW).version == FIRST
    assert serving(stored) == FIRST
    with pytest.raises(NotThere, match="no earlier champion"):
        rollback(stored, database, "again", NOW)
    assert decisions(database)[-1] == ("rollback", FIRST, SECOND)


@pytest.mark.parametrize("name", ["../../etc", "a/b", "", "20171013 0a1b"])
def test_a_name_that_cant_be_a_version_is_refused(stored: Settings, database: Database, name: str) -> None:
    """No path leads out of the folder."""
    with pytest.raises(BadInput):
        promote(stored, database, name, "no", {}, NOW)


def test_a_version_that_isnt_there_or_is_broken_is_never_promoted(stored: Settings, database: Database) -> None:
    """The champion stays, and no decision is written."""
    promote(stored, database, FIRST, "first", {}, NOW)
    (stored.models_dir / SECOND / "model.json").write_text("{}")
    with pytest.raises(BrokenArtefact):
        promote(stored, database, SECOND, "broken", {}, NOW)
    with pytest.raises(NotThere, match="20990101-00000000"):
        promote(stored, database, "20990101-00000000", "gone", {}, NOW)
    assert serving(stored) == FIRST
    assert len(decisions(database)) == 1


def test_a_broken_new_champion_doesnt_replace_the_one_that_works(stored: Settings, database: Database) -> None:
    """Altered after its promotion, it is refused by who serves already, and by a fresh process too."""
    seen = Champion(stored)
    promote(stored, database, FIRST, "first", {}, NOW)
    assert seen.current().card.version == FIRST
    promote(stored, database, SECOND, "better", {}, NOW)
    (stored.models_dir / SECOND / "model.json").write_text("{}")
    assert seen.current().card.version == FIRST
    assert serving(stored) == FIRST
    assert [card.version for card in seen.versions()] == [FIRST]


def test_a_list_of_sums_that_was_rewritten_is_reported(stored: Settings, database: Database) -> None:
    """The pointer knows the sum over the sums: files and list changed together don't pass."""
    promote(stored, database, FIRST, "first", {}, NOW)
    directory = stored.models_dir / FIRST
    (directory / "model.json").write_bytes((stored.models_dir / SECOND / "model.json").read_bytes())
    files = {name: (directory / name).read_bytes() for name in ("card.json", "model.json")}
    sums = "".join(f"{digest}  {name}\n" for name, digest in artefact.fingerprint(files).items())
    (directory / "SHA256SUMS").write_text(sums)
    assert artefact.load(directory).card.version == FIRST
    assert Champion(stored).current() is None


@pytest.mark.parametrize("dies_at", ["write_synced", "replace", "decide"])
def test_killed_at_any_step_the_old_champion_serves(
    stored: Settings, database: Database, monkeypatch: pytest.MonkeyPatch, dies_at: str
) -> None:
    """A child that dies inside the promotion leaves the old champion, and the next promotion works."""
    promote(stored, database, FIRST, "first", {}, NOW)
    child = os.fork()
    if child == 0:
        target = {"write_synced": artefact, "replace": Path, "decide": champion}[dies_at]
        monkeypatch.setattr(target, dies_at, lambda *_args, **_kwargs: os._exit(9))
        promote(stored, Database(stored.database), SECOND, "better", {}, NOW)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert serving(stored) == FIRST
    monkeypatch.undo()
    promote(stored, database, SECOND, "better", {}, NOW)
    assert serving(stored) == SECOND


def test_an_unreadable_pointer_is_replaced_by_a_promotion(stored: Settings, database: Database) -> None:
    """A pointer that isn't ours serves nothing, and doesn't stop a person from putting it right."""
    stored.models_dir.joinpath("champion.json").write_text("nonsense")
    assert Champion(stored).current() is None
    promote(stored, database, FIRST, "by hand", {}, NOW)
    assert serving(stored) == FIRST
    assert json.loads(stored.models_dir.joinpath("champion.json").read_text())["before"] == []


def test_promotions_at_once_forget_nobody(stored: Settings, database: Database, model: Model) -> None:
    """Each decision follows on the one before it, and the last one is what is served."""
    versions = [f"20180103-{number:08d}" for number in range(6)]
    for version in versions:
        artefact.save(another(model, version), stored.models_dir / version)
    together = threading.Barrier(len(versions))

    def work(version: str) -> None:
        together.wait()
        promote(stored, database, version, "at once", {}, NOW)

    with ThreadPoolExecutor(len(versions)) as pool:
        list(pool.map(work, versions))
    made = decisions(database)
    assert [before for _, _, before in made] == [None, *(version for _, version, _ in made[:-1])]
    assert serving(stored) == made[-1][1]
    assert json.loads(stored.models_dir.joinpath("champion.json").read_text())["before"] == [
        one[1] for one in made[:-1]
    ]
