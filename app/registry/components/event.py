"""Event sessions: targets that are likely the first to trade a company's results."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.registry.components.panel import Array

EVENT = "earnings_day"
"""The feature that says how likely the target trades results first; 0 where nothing is known."""
_LIKELY = 0.5


def is_event(share: Array) -> NDArray[np.bool_]:
    """Say which rows' targets count as event sessions: those that are at least as likely as not."""
    found: NDArray[np.bool_] = share >= _LIKELY
    return found
