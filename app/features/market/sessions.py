"""The calendar of the session that is forecast: its weekday, the days until then, holidays about, turn of the month.

All of it is known years ahead: it is the exchange's timetable, not the market's doing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from app.core.clock import Calendar
from app.features.engine.feature import Feature, broadcast
from app.features.engine.panel import Days, Table, as_days, next_sessions, sessions_around

_AFTER_MONDAY = 3
"""1970-01-01, day 0, was a Thursday: three days after a Monday."""
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
_HOLIDAY, _WEEKEND = 2, 3
"""Days from a session to the next over one closed weekday, and over a plain weekend."""
_DECEMBER = 12
_CHRISTMAS = 24
_SEASON_MONTHS = (1, 4, 7, 10)
_SEASON_DAY = 14
FAR = 10
"""Sessions from a holiday are counted up to here."""
TURN = 5
"""Sessions from the turn of the month are counted up to here."""


def tables(sessions: Days, calendar: Calendar) -> tuple[Days, Table]:
    """Return each session's next one, and the calendar columns of that target, one value per session and one more.

    gap_days: calendar days from the session to its target (French 1980); holiday_gap: 1 where they are 2 or more than
    3, a closed weekday lies between; long_gap: 1 where more than 3; the weekdays: 1 on theirs (French 1980); half_day:
    1 where the exchange closes early on the target.
    """
    targets = next_sessions(sessions, calendar)
    known = np.union1d(sessions_around(targets, calendar), targets) if targets.size else targets
    gap = (targets - sessions).astype(np.int64)
    weekday = (targets.astype(np.int64) + _AFTER_MONDAY) % 7
    found = {
        "day": sessions.astype(np.int64),
        "target_day": targets.astype(np.int64),
        "gap_days": gap,
        "holiday_gap": (gap == _HOLIDAY) | (gap > _WEEKEND),
        "long_gap": gap > _WEEKEND,
        **{name: weekday == number for number, name in enumerate(_WEEKDAYS)},
        **_months(targets, known),
        **_holidays(targets, known),
        "half_day": np.isin(targets, as_days(calendar.early_closes)),
    }
    return targets, {name: np.append(values.astype(np.float64), np.nan) for name, values in found.items()}


def _months(targets: Days, known: Days) -> dict[str, npt.NDArray[Any]]:
    """Return how far the target lies into its month and from its end, and what the time of the year is.

    month_start, month_end: sessions since the month's first and until its last, up to 5 (Ariel 1987); year_end: 1 from
    24 December on; season: 1 from the 14th of January, April, July and October, when earnings are reported.
    """
    at = np.searchsorted(known, targets)
    month = targets.astype("datetime64[M]")
    start = at - np.searchsorted(known, month.astype("datetime64[D]"))
    end = np.searchsorted(known, (month + np.timedelta64(1, "M")).astype("datetime64[D]")) - 1 - at
    number = month.astype(np.int64) % _DECEMBER + 1
    day = (targets - month.astype("datetime64[D]")).astype(np.int64) + 1
    return {
        "month_start": np.minimum(start, TURN),
        "month_end": np.minimum(end, TURN),
        "year_end": (number == _DECEMBER) & (day >= _CHRISTMAS),
        "season": np.isin(number, _SEASON_MONTHS) & (day >= _SEASON_DAY),
    }


def _holidays(targets: Days, known: Days) -> dict[str, npt.NDArray[Any]]:
    """Return the sessions since and until the nearest closed weekday, up to FAR: 0 beside one. Ariel (1990)."""
    weekdays_apart = np.busday_count(known[:-1], known[1:])
    after = np.flatnonzero(weekdays_apart > 1) + 1
    bounded = np.concatenate(([-FAR], after, [len(known) + FAR + 1]))
    at = np.searchsorted(known, targets)
    following = np.searchsorted(bounded, at, side="right")
    return {
        "since_holiday": np.minimum(at - bounded[following - 1], FAR),
        "until_holiday": np.minimum(bounded[following] - 1 - at, FAR),
    }


FEATURES = tuple(
    Feature(name, 1, 0, broadcast(name), shared=True)
    for name in (
        *("gap_days", "holiday_gap", "long_gap"),
        *_WEEKDAYS[1:],
        *("month_start", "month_end", "since_holiday", "until_holiday", "half_day", "year_end", "season"),
    )
)
