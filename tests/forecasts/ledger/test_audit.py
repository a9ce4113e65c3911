"""The audit that goes on where the last one stopped: it finds what came since, and rests on what it knew."""

from pathlib import Path

import pytest
from sqlmodel import text

from app.core.db import Database
from app.forecasts.ledger import audit, chain
from app.forecasts.prediction.forecaster import Forecaster
from tests.forecasts import small
from tests.tampering import unguard


def newer(database: Database, home: Path) -> tuple[int, str | None]:
    """Return how many forecasts hold, and what is wrong with them."""
    with database.read() as db:
        found = audit.verify_newer(db, home)[0]
    return found.rows, found.broken


def change(database: Database, statement: str) -> None:
    """Change a row as somebody would who takes the refusal off first."""
    unguard(database, "forecast")
    with database.write() as db:
        db.connection().execute(text(statement))


def test_only_what_came_since_is_looked_at(
    forecaster: Forecaster, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a whole look the next one hashes the new rows alone, and counts them all."""
    hashed: list[object] = []
    digest = chain._digest
    monkeypatch.setattr(chain, "_digest", lambda *row: hashed.append(row) or digest(*row))  # counts, and does it
    forecaster.latest_many(small.SYMBOLS[:3])
    hashed.clear()
    assert newer(database, tmp_path) == (3, None)
    assert newer(database, tmp_path) == (3, None)
    assert len(hashed) == 3
    forecaster.latest(small.SYMBOLS[3])
    hashed.clear()
    assert newer(database, tmp_path) == (4, None)
    assert len(hashed) == 1


def test_a_changed_row_is_found_until_it_was_looked_at(
    forecaster: Forecaster, database: Database, tmp_path: Path
) -> None:
    """What came since is found changed again and again; what lies before is found by the whole audit."""
    forecaster.latest_many(small.SYMBOLS[:2])
    assert newer(database, tmp_path) == (2, None)
    forecaster.latest_many(small.SYMBOLS)
    change(database, "UPDATE forecast SET prob_up = 0.9 WHERE seq = 4")
    for _ in range(2):
        assert newer(database, tmp_path)[1].startswith("row 4 ")
    change(database, "UPDATE forecast SET prob_up = 0.9 WHERE seq = 1")
    with database.read() as db:
        assert audit.verify_chain(db)[0].broken.startswith("row 1 ")


def test_another_store_or_a_spoilt_mark_means_a_whole_look(
    forecaster: Forecaster, database: Database, tmp_path: Path
) -> None:
    """A mark that isn't this chain's, or isn't readable, is no reason to trust a row."""
    forecaster.latest_many(small.SYMBOLS)
    change(database, "UPDATE forecast SET prob_up = 0.9 WHERE seq = 1")
    for mark in ('{"forecast": {"seq": 3, "hash": "abc"}}', "[1]", "", '{"forecast": 3}'):
        (tmp_path / audit.VERIFIED).write_text(mark)
        assert newer(database, tmp_path)[1].startswith("row 1 ")
