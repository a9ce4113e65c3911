"""Sessions, closes and finality."""

from datetime import UTC, date, datetime

import pytest

from app.core.clock import Calendar, Clock, calendar, compute_table
from app.core.errors import BadInput


def utc(text: str) -> datetime:
    """Read an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def nyse() -> Calendar:
    """Return New York's calendar as it ships."""
    return calendar("XNYS")


def test_shipped_table_is_what_exchange_calendars_says() -> None:
    """The shipped table agrees with the library on every session and early close of 1990-2030."""
    import exchange_calendars

    shipped = calendar("XNYS")
    made = exchange_calendars.get_calendar("XNYS", start="1990-01-01", end="2030-12-31")
    sessions = tuple(stamp.date() for stamp in made.sessions)
    assert shipped.between(date(1990, 1, 1), date(2030, 12, 31)) == sessions
    assert [shipped.close_at(day) for day in sessions] == [stamp.to_pydatetime() for stamp in made.closes]


def test_another_exchange_is_computed_when_asked_for() -> None:
    """London closes at 16:30, and trades on American holidays."""
    london = calendar("XLON")
    assert london.is_session(date(2026, 11, 26))
    assert london.close_at(date(2026, 11, 26)) == utc("2026-11-26T16:30:00")


def test_an_unknown_exchange_is_one_clear_line() -> None:
    """A code that no calendar has is bad input, not a traceback."""
    with pytest.raises(BadInput, match="'XXXX' is not known"):
        compute_table("XXXX")


@pytest.mark.parametrize(
    ("day", "following"),
    [
        ("2026-11-20", "2026-11-23"),  # over a weekend
        ("2026-11-25", "2026-11-27"),  # over Thanksgiving
        ("2001-09-10", "2001-09-17"),  # over the closure of September 2001
        ("2026-11-21", "2026-11-23"),  # from a day that is no session
        ("2040-12-31", "2041-01-01"),  # past the table's end: the next weekday, never a crash
        ("2045-01-06", "2045-01-09"),
    ],
)
def test_next_session(nyse: Calendar, day: str, following: str) -> None:
    """The next session skips weekends, holidays and closures."""
    assert nyse.next_session(date.fromisoformat(day)) == date.fromisoformat(following)


@pytest.mark.parametrize(
    ("session", "close"),
    [
        ("2021-12-31", "2021-12-31T21:00:00"),  # winter time
        ("2021-07-02", "2021-07-02T20:00:00"),  # summer time
        ("2026-11-27", "2026-11-27T18:00:00"),  # half day
    ],
)
def test_close_at_follows_daylight_saving_and_half_days(nyse: Calendar, session: str, close: str) -> None:
    """The close is given in UTC."""
    assert nyse.close_at(date.fromisoformat(session)) == utc(close)


@pytest.mark.parametrize(
    ("now", "last"),
    [
        ("2026-11-23T14:31:00", "2026-11-20"),  # Monday, an hour after the open
        ("2026-11-23T21:29:59", "2026-11-20"),  # closed, not yet final
        ("2026-11-23T21:30:00", "2026-11-23"),  # final
        ("2026-11-27T18:30:00", "2026-11-27"),  # a half day is final early
        ("2026-11-28T12:00:00", "2026-11-27"),  # Saturday
        ("2026-11-24T03:00:00", "2026-11-23"),  # past midnight UTC it is still Monday in New York
    ],
)
def test_last_final(nyse: Calendar, now: str, last: str) -> None:
    """A bar is final half an hour after its session's close."""
    assert nyse.last_final(utc(now)) == date.fromisoformat(last)


def test_sessions_behind_counts_final_sessions_only(nyse: Calendar) -> None:
    """A price of Wednesday is one session behind on the Saturday after Thanksgiving."""
    now = utc("2026-11-28T12:00:00")
    assert nyse.sessions_behind(date(2026, 11, 25), now) == 1
    assert nyse.sessions_behind(date(2026, 11, 27), now) == 0


def test_a_fixed_clock_stands_still() -> None:
    """With an instant given, everything that asks the time gets it."""
    instant = utc("2020-08-31T22:00:00")
    assert Clock(instant).now() == instant
    assert Clock().now().tzinfo is UTC
