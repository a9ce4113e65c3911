"""The only place that asks the time: instants, exchange sessions, and when a bar is final.

Sessions are dates of an exchange's calendar. The New York calendar ships with the program as a small table (made from
`exchange_calendars` by `python -m app.core.clock`), because importing that library costs two seconds; other exchanges
are computed by it when first asked for.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from app.core.errors import BadInput

DEFAULT_EXCHANGE = "XNYS"
FINAL_AFTER = timedelta(minutes=30)
"""A bar is final this long after its session's close: by then the closing auction's price has arrived."""

_TABLES = Path(__file__).parent / "calendars"
_FIRST, _LAST = date(1960, 1, 4), date(2040, 12, 31)


@dataclass(frozen=True)
class ClockFile:
    """A file that holds the instant: whoever replaces its text moves time for all processes that read it."""

    path: Path

    def __str__(self) -> str:
        """Write it as the setting does."""
        return f"@{self.path}"

    def now(self) -> datetime:
        """Read the instant. Errors: `BadInput` for a file that can't be read or holds none."""
        try:
            return as_utc(datetime.fromisoformat(self.path.read_text().strip()))
        except (OSError, ValueError) as error:
            raise BadInput(f"NEXTCLOSE_NOW: {self.path} holds no instant such as 2021-12-31T22:00 ({error})") from None


@dataclass(frozen=True)
class Clock:
    """Tells the time; with `fixed` it always tells that instant, or the one that its file holds."""

    fixed: datetime | ClockFile | None = None

    def now(self) -> datetime:
        """Return the present instant, aware, UTC."""
        if isinstance(self.fixed, ClockFile):
            return self.fixed.now()
        return self.fixed or datetime.now(UTC)


def as_utc(instant: datetime) -> datetime:
    """Return the instant aware, in UTC; without a time zone it is UTC already."""
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def wall() -> datetime:
    """Return the real instant whatever clock is fixed: for leases, heartbeats and time limits, never for prices."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Calendar:
    """The sessions of one exchange, sorted; closes differ from the usual only on early-close days."""

    exchange: str
    timezone: ZoneInfo
    usual_close: time
    early_closes: dict[date, time]
    sessions: tuple[date, ...]

    def is_session(self, day: date) -> bool:
        """Say whether the exchange trades on that day."""
        at = bisect_left(self.sessions, day)
        return at < len(self.sessions) and self.sessions[at] == day

    def next_session(self, day: date) -> date:
        """Return the first session after `day`; past the table's end, the next weekday."""
        at = bisect_right(self.sessions, day)
        if at < len(self.sessions):
            return self.sessions[at]
        step = 7 - day.weekday() if day.weekday() >= _FRIDAY else 1
        return day + timedelta(days=step)

    def previous_session(self, day: date) -> date:
        """Return the last session before `day`."""
        at = bisect_left(self.sessions, day)
        if at == 0:
            raise BadInput(f"{day} is before the first known session of {self.exchange}, {self.sessions[0]}")
        return self.sessions[at - 1]

    def between(self, start: date, end: date) -> tuple[date, ...]:
        """Return the sessions in [start, end]."""
        return self.sessions[bisect_left(self.sessions, start) : bisect_right(self.sessions, end)]

    def close_at(self, session: date) -> datetime:
        """Return the instant of the session's close, UTC."""
        local = self.early_closes.get(session, self.usual_close)
        return datetime.combine(session, local, tzinfo=self.timezone).astimezone(UTC)

    def final_at(self, session: date) -> datetime:
        """Return the instant from which the session's bar is final, UTC."""
        return self.close_at(session) + FINAL_AFTER

    def last_final(self, now: datetime) -> date:
        """Return the newest session whose bar is final at `now`."""
        today = now.astimezone(self.timezone).date()
        if self.is_session(today) and now >= self.final_at(today):
            return today
        return self.previous_session(today)

    def final_window(self, now: datetime) -> tuple[datetime, datetime]:
        """Return the stretch [since, until) around `now` in which no bar becomes final, UTC."""
        last = self.last_final(now)
        return self.final_at(last), self.final_at(self.next_session(last))

    def sessions_behind(self, session: date, now: datetime) -> int:
        """Count the final sessions after `session`: 0 when it is the newest there is."""
        return len(self.between(session + timedelta(days=1), self.last_final(now)))


_FRIDAY = 4


@lru_cache(maxsize=32)
def calendar(exchange: str = DEFAULT_EXCHANGE) -> Calendar:
    """Return the calendar of an exchange by its market identifier code (ISO 10383), such as `XNYS`."""
    shipped = _TABLES / f"{exchange}.json"
    table: dict[str, Any] = (
        json.loads(shipped.read_text()) if exchange.isalnum() and shipped.exists() else compute_table(exchange)
    )
    first, last = date.fromisoformat(table["first"]), date.fromisoformat(table["last"])
    closed = {date.fromisoformat(day) for day in table["closed"]}
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return Calendar(
        exchange=exchange,
        timezone=ZoneInfo(table["timezone"]),
        usual_close=time.fromisoformat(table["close"]),
        early_closes={date.fromisoformat(day): time.fromisoformat(at) for day, at in table["early"].items()},
        sessions=tuple(day for day in days if day.weekday() <= _FRIDAY and day not in closed),
    )


def compute_table(exchange: str) -> dict[str, Any]:
    """Compute an exchange's table with `exchange_calendars`: weekdays that are no session, and unusual closes.

    Errors: `BadInput` for an exchange that the library doesn't know. A calendar with weekend sessions loses them.
    """
    import exchange_calendars
    from exchange_calendars.errors import InvalidCalendarName

    start, end = _bounds(exchange)
    try:
        found = exchange_calendars.get_calendar(exchange, start=start, end=end)
    except InvalidCalendarName:
        raise BadInput(f"exchange {exchange!r} is not known; use a code such as XNYS or XLON") from None
    sessions = {stamp.date() for stamp in found.sessions}
    first, last = min(sessions), max(sessions)
    span = (first + timedelta(days=n) for n in range((last - first).days + 1))
    usual = found.close_times[-1][1]
    closes = {stamp.date(): close.astimezone(found.tz).time() for stamp, close in found.closes.items()}
    return {
        "exchange": exchange,
        "timezone": str(found.tz),
        "first": first.isoformat(),
        "last": last.isoformat(),
        "close": usual.isoformat("minutes"),
        "closed": [day.isoformat() for day in span if day.weekday() <= _FRIDAY and day not in sessions],
        "early": {day.isoformat(): at.isoformat("minutes") for day, at in closes.items() if at != usual},
    }


def _bounds(exchange: str) -> tuple[date, date]:
    """Return between which days a calendar may be asked, by the library's own bounds and ours."""
    from exchange_calendars import calendar_utils

    known = calendar_utils._default_calendar_factories  # noqa: SLF001 - the bounds are class methods of the factory
    factory = known.get(exchange)
    low, high = (factory.bound_min(), factory.bound_max()) if factory else (None, None)
    return max(_FIRST, low.date()) if low else _FIRST, min(_LAST, high.date()) if high else _LAST


if __name__ == "__main__":
    (_TABLES / f"{DEFAULT_EXCHANGE}.json").write_text(json.dumps(compute_table(DEFAULT_EXCHANGE), indent=None) + "\n")
