"""The volatility index: what options say of the market's next month, beside what the market did.

Where the index has no bar of a session, its features are null: a model takes them at their mean, and says so.
Whaley (2000); Blair, Poon & Taylor (2001).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from app.features.engine.feature import Feature, broadcast
from app.features.engine.panel import Days, Panel, Table, Vector
from app.features.engine.windows import Matrix

SYMBOL = "^VIX"
_YEAR, _PER_CENT = 252.0, 100.0
_WEEK = 5


def tables(series: pl.DataFrame | None, sessions: Days) -> Table:
    """Return the index's level and changes for the given sessions; NaN where it has no bar, and at the end."""
    own = series.filter(pl.col("symbol") == SYMBOL).sort("session") if series is not None else pl.DataFrame()
    names = ("index_level", "index_change_1", "index_change_5")
    if own.is_empty() or not sessions.size:
        return {name: np.full(len(sessions) + 1, np.nan) for name in names}
    level = np.log(own["close"].to_numpy() / (_PER_CENT * np.sqrt(_YEAR)))
    columns = (level, _change(level, 1), _change(level, _WEEK))
    days = own["session"].to_numpy().astype("datetime64[D]")
    at = np.minimum(np.searchsorted(days, sessions), len(days) - 1)
    there = days[at] == sessions
    return {
        name: np.append(np.where(there, values[at], np.nan), np.nan)
        for name, values in zip(names, columns, strict=True)
    }


def _change(level: Vector, bars: int) -> Vector:
    out = np.full(len(level), np.nan)
    out[bars:] = level[bars:] - level[:-bars]
    return out


def premium(panel: Panel) -> Matrix:
    """Return the index's level less market_range_22: what options fear beyond what was seen."""
    found: Matrix = panel.by_session("index_level") - panel.by_session("market_range_22")
    return found


_SD, _SOURCE = "log standard deviation", "Whaley 2000"

FEATURES: tuple[Feature, ...] = (
    Feature("index_level", "log(volatility index / (100 sqrt(252)))", 1, 0, _SD, _SOURCE, "market",
            broadcast("index_level")),
    Feature("index_change_1", "change of index_level over 1 session", 2, 0, "log ratio", _SOURCE, "market",
            broadcast("index_change_1")),
    Feature("index_change_5", "change of index_level over 5 sessions", 6, 0, "log ratio", _SOURCE, "market",
            broadcast("index_change_5")),
    Feature("index_premium", "index_level - market_range_22", 23, 0, "log ratio",
            "Blair, Poon & Taylor 2001", "market", premium),
)  # fmt: skip
