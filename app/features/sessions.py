"""The calendar of the session that is forecast: its weekday, the days until then, holidays about, turn of the month."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from app.core.clock import Calendar
from app.features.panel import Days, Table, next_sessions

Vector = npt.NDArray[np.float64]
_MARGIN = timedelta(days=45)
_MONDAY_OFFSET = 3
"""1970-01-01, day 0, was a Thursday: three days after a Monday."""
FAR = 10
"""Sessions from a holiday are counted up to here."""


def tables(sessions: Days, calendar: Calendar) -> tuple[Days, Table]:
    """Return each session's next one, and the calendar columns of that target, one value per session and one more."""
    targets = next_sessions(sessions, calendar)
    found = {
        "gap_days": (targets - sessions).astype(np.float64),
        **_weekdays(targets),
        **_months(targets, calendar),
        **_holidays(targets, calendar),
    }
    return targets, {name: np.append(values, np.nan) for name, values in found.items()}


def _weekdays(targets: Days) -> dict[str, Vector]:
    weekday = (targets.astype(np.int64) + _MONDAY_OFFSET) % 7
    names = ("monday", "tuesday", "wednesday", "thursday", "friday")
    return {name: (weekday == number).astype(np.float64) for number, name in enumerate(names)}


def _known(targets: Days, calendar: Calendar) -> Days:
    """Return the exchange's sessions around the targets, as days."""
    first: Any = targets.min().item()
    last: Any = targets.max().item()
    days: tuple[date, ...] = calendar.between(first - _MARGIN, last + _MARGIN)
    return np.union1d(np.array(days, dtype="datetime64[D]"), targets)


def _months(targets: Days, calendar: Calendar) -> dict[str, Vector]:
    """Return how many sessions the target lies into its month and before its end, both from 0, up to 5."""
    if not targets.size:
        return {"month_start": np.zeros(0), "month_end": np.zeros(0)}
    known = _known(targets, calendar)
    at = np.searchsorted(known, targets)
    month = targets.astype("datetime64[M]")
    start = at - np.searchsorted(known, month.astype("datetime64[D]"))
    end = np.searchsorted(known, (month + 1).astype("datetime64[D]")) - 1 - at
    return {"month_start": np.minimum(start, 5.0), "month_end": np.minimum(end, 5.0)}


def _holidays(targets: Days, calendar: Calendar) -> dict[str, Vector]:
    """Return the sessions since and until the nearest closed weekday, up to FAR: 0 beside one."""
    if not targets.size:
        return {"since_holiday": np.zeros(0), "until_holiday": np.zeros(0)}
    known = _known(targets, calendar)
    weekdays_apart = np.busday_count(known[:-1], known[1:])
    after = np.flatnonzero(weekdays_apart > 1) + 1
    at = np.searchsorted(known, targets)
    since = np.searchsorted(after, at, side="right") - 1
    until = np.searchsorted(after, at, side="right")
    back = np.where(since >= 0, at - after[since] if after.size else 0, FAR)
    ahead = np.where(until < len(after), after[np.minimum(until, len(after) - 1)] - 1 - at if after.size else 0, FAR)
    return {"since_holiday": np.clip(back, 0.0, FAR), "until_holiday": np.clip(ahead, 0.0, FAR)}
