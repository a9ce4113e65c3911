"""Kept statuses are those that would be read: after each change, each the same object until its own."""

from collections.abc import Callable
from datetime import UTC, datetime

import polars as pl
import pytest
from sqlmodel import Session

from app.core.db import Database
from app.prices import store
from app.prices.checks import quarantine
from app.prices.store.tables import QuarantineRow
from tests.prices.market import bars

NOW = datetime(2021, 1, 4, 22, tzinfo=UTC)
LATER = datetime(2021, 1, 5, 22, tzinfo=UTC)


def _release(db: Session) -> None:
    bar = store.history(db, "KO", last=1).with_columns(pl.col("session").dt.offset_by("1d"))
    held = QuarantineRow(**bar.row(0, named=True), rule="jump", detail="", source="yahoo", fetched_at=LATER)
    db.add(held)
    db.flush()
    quarantine.release(db, [held.id or 0], LATER)


CHANGES: dict[str, Callable[[Session], object]] = {
    "watched": lambda db: store.watch(db, ["KO"], NOW),
    "taken off": lambda db: store.unwatch(db, ["KO"]),
    "revised by another source": lambda db: store.upsert(
        db, bars("KO").tail(1).with_columns(pl.col("close") * 1.001), "yahoo", LATER
    ),
    "released": _release,
    "its refresh failed": lambda db: db.connection().exec_driver_sql(
        "UPDATE symbol SET outcome = 'unreachable', error = 'no answer', refreshed_at = '2021-01-05 22:00:00+00:00'"
        " WHERE symbol = 'KO'"
    ),
    "a newcomer": lambda db: store.upsert(db, bars("ZZ"), "file", NOW),
}


def test_kept_statuses_are_those_of_the_store(database: Database) -> None:
    """A change of one symbol is seen at once, and leaves the others' objects as they are."""
    kept = store.Statuses(database)
    assert kept.all() == ()
    with database.write() as db:
        store.upsert(db, pl.concat([bars("AAPL"), bars("KO"), bars("^VIX")]), "file", NOW)
    before = {one.symbol: one for one in kept.all()}
    assert sorted(before) == ["AAPL", "KO"]
    for name, change in CHANGES.items():
        with database.write() as db:
            change(db)
        with database.read() as db:
            assert list(kept.all()) == store.statuses(db), name
        now = {one.symbol: one for one in kept.all()}
        assert now["AAPL"] is before["AAPL"], name
        assert (now["KO"] is before["KO"]) == (name == "a newcomer"), name
        before = now


def test_while_nothing_is_committed_nothing_is_read(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking again costs no session."""
    with database.write() as db:
        store.upsert(db, bars("KO"), "file", NOW)
    kept = store.Statuses(database)
    before = kept.all()
    monkeypatch.setattr(database, "read", None)
    assert kept.all() is before
