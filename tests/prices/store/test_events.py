"""Earnings days read as they were known, and market series kept out of every panel."""

from datetime import UTC, date, datetime

import pytest

from app.core.clock import calendar
from app.core.db import Database
from app.core.errors import InvalidSymbol
from app.prices import store
from app.prices.frame import EVENT_SCHEMA
from app.prices.store import write
from app.prices.store.tables import EventRow
from tests.prices.market import SESSIONS, bars, evening

SEEN = datetime(2021, 1, 4, 22, tzinfo=UTC)
LATER = datetime(2021, 1, 11, 22, tzinfo=UTC)
DAY, MOVED = date(2021, 1, 26), date(2021, 1, 28)


def _row(day: date, timing: str, seen: datetime, ended: datetime | None = None, symbol: str = "KO") -> EventRow:
    return EventRow(
        symbol=symbol, kind="earnings", date=day, timing=timing, source="yahoo",
        known_at=seen, first_seen=seen, last_seen=seen, ended_at=ended,
    )  # fmt: skip


def _keep(database: Database, *rows: EventRow) -> None:
    with database.write() as db:
        db.add_all(rows)


def test_an_empty_store_gives_an_empty_frame(database: Database) -> None:
    """The schema is whole without a row."""
    with database.read() as db:
        assert dict(store.events(db).schema) == EVENT_SCHEMA


def test_a_moved_day_is_read_as_it_was_known(database: Database) -> None:
    """Before the move the old day is open and the new one isn't there; after it the old one has ended."""
    _keep(database, _row(DAY, "amc", SEEN, ended=LATER), _row(MOVED, "amc", LATER))
    with database.read() as db:
        before = store.events(db, ["KO"], at=SEEN)
        after = store.events(db, at=LATER)
    assert before.rows() == [("KO", DAY, "amc", SEEN, None)]
    assert after.rows() == [("KO", DAY, "amc", SEEN, LATER), ("KO", MOVED, "amc", LATER, None)]
    assert dict(after.schema) == EVENT_SCHEMA


def test_one_day_told_twice_is_believed_once(database: Database) -> None:
    """A timing that came later ends the row without one; where it counts from earlier on, that row is left out."""
    better = _row(DAY, "amc", LATER)
    _keep(database, _row(DAY, "unknown", SEEN, ended=LATER), better, _row(MOVED, "unknown", SEEN, symbol="GE"))
    with database.read() as db:
        assert store.events(db, ["KO"])["ended_at"].to_list() == [LATER, None]
    past = _row(DAY, "bmo", LATER, symbol="PG")
    past.known_at = SEEN
    _keep(database, _row(DAY, "unknown", SEEN, ended=LATER, symbol="PG"), past)
    with database.read() as db:
        assert store.events(db, ["PG"]).rows() == [("PG", DAY, "bmo", SEEN, None)]
        assert store.events(db, ["PG"], at=SEEN).rows() == [("PG", DAY, "unknown", SEEN, None)]
        assert store.events(db, ["NOPE"]).is_empty()


def test_series_are_in_no_panel_and_count_as_no_symbol(database: Database) -> None:
    """Bars of `^VIX` are read by `series` alone, or by name."""
    with database.write() as db:
        for symbol in ("KO", "^VIX"):
            write.upsert(db, bars(symbol), "yahoo", evening(SESSIONS[-1]))
    assert store.series(database).equals(bars("^VIX"))
    assert store.series(database, start=SESSIONS[-1]).height == 1
    assert store.panel(database).equals(bars("KO"))
    assert store.panel(database, ["^VIX"]).is_empty()
    with database.read() as db:
        assert list(store.last_bars(db)) == ["KO"]
        assert [status.symbol for status in store.statuses(db)] == ["KO"]
        assert store.history(db, "^VIX").equals(bars("^VIX"))
        assert store.status(db, "^VIX").bars == len(calendar().between(SESSIONS[0], SESSIONS[-1]))


def test_a_series_is_never_watched(database: Database) -> None:
    """The error says that it is a series."""
    with database.write() as db, pytest.raises(InvalidSymbol, match="market series"):
        store.watch(db, ["KO", "^vix"], SEEN)


def test_a_series_beside_the_sample_leaves_it_in_place(database: Database) -> None:
    """Only another source's prices make the sample go."""
    with database.write() as db:
        write.upsert(db, bars("KO"), "sample", evening(SESSIONS[-1]))
        write.upsert(db, bars("^VIX"), "file", evening(SESSIONS[-1]))
        assert {bar.source for bar in store.last_bars(db).values()} == {"sample"}
        write.upsert(db, bars("IBM"), "file", evening(SESSIONS[-1]))
        assert list(store.last_bars(db)) == ["IBM"]
        assert store.status(db, "^VIX").bars == len(SESSIONS)
