"""The sorted panel that features are computed on."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from app.core.clock import Calendar

Days = npt.NDArray[np.datetime64]
_MARGIN = timedelta(days=30)


def next_sessions(sessions: Days, calendar: Calendar) -> Days:
    """Return for each session the exchange's next one, both as days."""
    if not sessions.size:
        return sessions
    first: Any = sessions.min().item()
    last: Any = sessions.max().item()
    known: list[date] = [*calendar.between(first, last + _MARGIN)]
    table = np.array([*known, calendar.next_session(max(last, *known) if known else last)], dtype="datetime64[D]")
    return table[np.searchsorted(table, sessions.astype("datetime64[D]"), side="right")]
