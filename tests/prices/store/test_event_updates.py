"""Laws of reported earnings days: nothing is rewritten, the same reported again changes nothing, a moved day ends."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.clock import calendar
from app.core.db import Database
from app.prices import store
from app.prices.frame import REPORTED_SCHEMA
from app.prices.store import event_updates
from app.prices.store.event_updates import EventCounts, QueryScope
from app.prices.store.tables import EventRow, PriceVersionRow, SymbolRow

NOW = datetime(2021, 1, 4, 22, tzinfo=UTC)
NEXT_WEEK = NOW + timedelta(days=7)
PAST, SOON, MOVED = date(2020, 10, 22), date(2021, 1, 28), date(2021, 2, 3)
YEAR = (date(2020, 1, 1), date(2021, 12, 31))


def _reported(*days: tuple[date, str], symbol: str = "KO", known_at: datetime | None = None) -> pl.DataFrame:
    rows = [(symbol, day, timing, known_at) for day, timing in days]
    return pl.DataFrame(rows, schema=REPORTED_SCHEMA, orient="row")


def _keep(
    database: Database,
    reported: pl.DataFrame,
    now: datetime = NOW,
    source: str = "yahoo",
    scope: QueryScope | None = None,
) -> EventCounts:
    with database.write() as db:
        return event_updates.update(db, reported, source, now, scope)


def _read(database: Database, at: datetime | None = None) -> list[tuple[object, ...]]:
    with database.read() as db:
        return store.events(db, at=at).drop("symbol").rows()


def test_a_day_to_come_is_known_from_now_and_a_past_one_from_ten_sessions_before(database: Database) -> None:
    """The assumption for history is a close, ten sessions ahead of the day."""
    assert _keep(database, _reported((PAST, "amc"), (SOON, "bmo"))) == EventCounts(new=2)
    ten_before = calendar().close_at(date(2020, 10, 8))
    assert _read(database) == [(PAST, "amc", ten_before, None), (SOON, "bmo", NOW, None)]
    assert len(calendar().between(date(2020, 10, 8), PAST)) == 11


@pytest.mark.parametrize(
    ("timing", "hour", "past"), [("bmo", 13, False), ("bmo", 15, True), ("amc", 20, False), ("amc", 21, True)]
)
def test_on_the_day_itself_the_timing_says_whether_it_has_passed(
    database: Database, timing: str, hour: int, past: bool
) -> None:
    """New York opens at 14:30 UTC in winter and closes at 21:00."""
    now = datetime(2021, 1, 28, hour, tzinfo=UTC)
    _keep(database, _reported((SOON, timing)), now)
    assert (_read(database)[0][2] < now) is past


def test_a_told_instant_counts(database: Database) -> None:
    """Whoever knows since when a day is public may say so; reported later, it corrects the assumption."""
    reports, later = (datetime(2020, 10, day, 12, tzinfo=UTC) for day in (1, 15))
    _keep(database, _reported((PAST, "amc")))
    assert _keep(database, _reported((PAST, "amc"), known_at=reports), NEXT_WEEK) == EventCounts(revised=1)
    assert _read(database) == [(PAST, "amc", reports, None)]
    assert _keep(database, _reported((PAST, "amc"), known_at=later), NEXT_WEEK + timedelta(1)) == EventCounts(revised=1)
    assert _read(database) == [(PAST, "amc", later, None)]
    assert [row[2] for row in _read(database, at=NEXT_WEEK)] == [reports]


def test_telling_the_same_again_only_notes_that_it_was_seen(database: Database) -> None:
    """No row is added or ended; `last_seen` moves."""
    reported = _reported((PAST, "amc"), (SOON, "unknown"))
    _keep(database, reported)
    before = _read(database)
    assert _keep(database, reported, NEXT_WEEK, source="file") == EventCounts(unchanged=2)
    assert _read(database) == before
    with database.read() as db:
        assert {one.last_seen for one in store.earnings_days(db)} == {NEXT_WEEK}
        assert store.events_version(db) == "2/0"


def test_a_change_counts_as_one_of_its_symbol_alone(database: Database) -> None:
    """What was made from the symbol is looked at anew; seeing the same again is no change, and no stranger's."""
    with database.write() as db:
        store.watch(db, ["KO", "IBM"], NOW)
    versions = []
    for reported in (_reported((SOON, "amc")), _reported((SOON, "amc")), _reported((MOVED, "amc"))):
        _keep(database, reported)
        with database.read() as db:
            versions.append((store.symbol_versions(db), store.data_version(db)))
    assert versions == [
        ({"KO": 1, "IBM": 0}, "1"),
        ({"KO": 1, "IBM": 0}, "1"),
        ({"KO": 2, "IBM": 0}, "2"),
    ]


def test_a_moved_day_ends_and_is_still_read_as_it_was_known(database: Database) -> None:
    """The law: what was known at an instant stays what it was, whatever is reported later."""
    _keep(database, _reported((SOON, "amc")))
    assert _keep(database, _reported((MOVED, "amc")), NEXT_WEEK) == EventCounts(new=1, ended=1)
    assert _read(database, at=NOW) == [(SOON, "amc", NOW, None)]
    assert _read(database) == [(SOON, "amc", NOW, NEXT_WEEK), (MOVED, "amc", NEXT_WEEK, None)]


def test_a_day_that_moves_back_is_a_third_row(database: Database) -> None:
    """Each report has its own time in which it was believed."""
    last = NEXT_WEEK + timedelta(days=7)
    for day, now in [(SOON, NOW), (MOVED, NEXT_WEEK), (SOON, last)]:
        _keep(database, _reported((day, "amc")), now)
    assert _read(database) == [
        (SOON, "amc", NOW, NEXT_WEEK),
        (SOON, "amc", last, None),
        (MOVED, "amc", NEXT_WEEK, last),
    ]


def test_the_next_quarter_is_no_move(database: Database) -> None:
    """A day three months on is another event."""
    _keep(database, _reported((SOON, "amc")))
    assert _keep(database, _reported((SOON + timedelta(days=91), "amc")), NEXT_WEEK) == EventCounts(new=1)


def test_a_better_timing_is_a_revision(database: Database) -> None:
    """Of a day to come it counts from now on; of a past one from when the day did. A vaguer report is none."""
    _keep(database, _reported((PAST, "unknown"), (SOON, "unknown")))
    assert _keep(database, _reported((PAST, "bmo"), (SOON, "amc")), NEXT_WEEK) == EventCounts(revised=2)
    assert _keep(database, _reported((PAST, "unknown"), (SOON, "unknown")), NEXT_WEEK) == EventCounts(unchanged=2)
    known = event_updates.assumed_known_at(PAST)
    assert _read(database) == [
        (PAST, "bmo", known, None), (SOON, "unknown", NOW, NEXT_WEEK), (SOON, "amc", NEXT_WEEK, None),
    ]  # fmt: skip
    assert [row[1] for row in _read(database, at=NOW)] == ["unknown", "unknown"]


def test_silence_ends_only_days_to_come_that_the_source_told_and_was_asked_for(database: Database) -> None:
    """A past day, another source's, another symbol's, and one beyond the window stay."""
    _keep(database, _reported((PAST, "amc"), (SOON, "amc")))
    _keep(database, _reported((SOON, "amc"), symbol="IBM"))
    _keep(database, _reported((MOVED, "amc"), symbol="GE"), source="file")
    nothing = _reported()
    assert _keep(database, nothing, NEXT_WEEK, scope=QueryScope({"KO", "GE"}, YEAR[0], PAST)) == EventCounts()
    assert _keep(database, nothing, NEXT_WEEK, scope=QueryScope({"KO", "GE"}, *YEAR)) == EventCounts(ended=1)
    with database.read() as db:
        assert [(one.symbol, one.date) for one in store.earnings_days(db)] == [
            ("KO", PAST),
            ("IBM", SOON),
            ("GE", MOVED),
        ]


def test_two_sources_tell_one_past_event_once(database: Database) -> None:
    """A release and its filing a day later are one event: the first one reported stays."""
    _keep(database, _reported((PAST, "amc")))
    assert _keep(database, _reported((PAST + timedelta(days=1), "bmo")), source="file") == EventCounts(unchanged=1)
    assert _keep(database, _reported((PAST + timedelta(days=30), "bmo")), source="file") == EventCounts(new=1)


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.sampled_from(["amc", "bmo", "unknown"]), st.sampled_from(["yahoo", "file"])),
        max_size=8,
    )
)
def test_what_was_known_at_an_instant_never_changes(reports: list[tuple[int, str, str]]) -> None:
    """As-known-at law: after each report, every earlier instant's reading is what it was then."""
    database = _memory()
    seen: list[tuple[datetime, list[tuple[object, ...]]]] = []
    for step, (offset, timing, source) in enumerate(reports):
        now = NOW + timedelta(days=step)
        scope = QueryScope({"KO"}, *YEAR) if source == "yahoo" else None
        _keep(database, _reported((date(2020, 12, 20) + timedelta(days=offset), timing)), now, source, scope)
        seen.append((now, _read(database, at=now)))
        assert [_read(database, at=instant) for instant, _ in seen] == [rows for _, rows in seen]
        assert _read(database) == seen[-1][1]
        _assert_believed_once(_read(database))
    database.dispose()


def _memory() -> Database:
    from sqlalchemy.pool import StaticPool
    from sqlmodel import SQLModel, create_engine

    database = Database("sqlite://")
    database.engine = create_engine("sqlite://", poolclass=StaticPool)
    tables = [SQLModel.metadata.tables[row.__tablename__] for row in (EventRow, SymbolRow, PriceVersionRow)]
    SQLModel.metadata.create_all(database.engine, tables=tables)
    return database


def _assert_believed_once(rows: list[tuple[object, ...]]) -> None:
    """No two rows of one day are believed at once."""
    for at, (day, _, known, ended) in enumerate(rows):
        for other, _, later, _ in rows[at + 1 :]:
            if day == other:
                assert ended is not None
                assert known < ended <= later
