"""The volatility index: what options say of the market's next month, beside what the market did.

Where the index has no bar of a session, its features are null: a model takes them at their mean, and says so.
Its level is the log of the standard deviation of a session's return: log(index / (100 sqrt(252))). Whaley (2000);
Blair, Poon & Taylor (2001).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from app.features.engine.feature import Feature, broadcast
from app.features.engine.panel import Days, Panel, Table
from app.features.engine.windows import Matrix, lag
from app.features.market.context import positions
from app.prices.frame import BAR_SCHEMA

SYMBOL = "^VIX"
_YEAR, _PER_CENT = 252.0, 100.0
_CHANGES = (1, 5)


def tables(series: pl.DataFrame | None, sessions: Days) -> Table:
    """Return the index's level and changes for the given sessions; NaN where it has no bar, and at the end."""
    bars = pl.DataFrame(schema=BAR_SCHEMA) if series is None else series
    own = bars.filter(pl.col("symbol") == SYMBOL).sort("session")
    level = np.log(own["close"].to_numpy() / (_PER_CENT * np.sqrt(_YEAR))).reshape(1, -1)
    changes = {f"index_change_{w}": level - lag(level, w) for w in _CHANGES}
    rows = np.append(positions(own, sessions), -1)
    return {name: np.append(values, np.nan)[rows] for name, values in {"index_level": level, **changes}.items()}


def premium(panel: Panel) -> Matrix:
    """Return the index's level less market_range_22: what options fear beyond what was seen."""
    found: Matrix = panel.by_session("index_level") - panel.by_session("market_range_22")
    return found


FEATURES: tuple[Feature, ...] = (
    Feature("index_level", 1, 0, broadcast("index_level"), shared=True),
    *(Feature(f"index_change_{w}", w + 1, 0, broadcast(f"index_change_{w}"), shared=True) for w in _CHANGES),
    Feature("index_premium", 23, 0, premium, shared=True),
)
