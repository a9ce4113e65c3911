"""Bring the stored bars up to the last final session."""

from __future__ import annotations

from collections.abc import Sequence

from app.core.clock import Clock
from app.core.db import Database
from app.core.progress import Progress, silent
from app.prices.outcomes import RefreshReport
from app.prices.source import PriceSource

__all__ = ["RefreshReport", "refresh"]


def refresh(
    database: Database,
    source: PriceSource,
    clock: Clock,
    symbols: Sequence[str] | None = None,
    progress: Progress = silent,
) -> list[RefreshReport]:
    """Bring these symbols, or the watchlist, up to the last final session; one report each, in their order.

    No symbol's failure touches another one's bars, and a failed refresh leaves the symbol's bars as they were.
    """
    raise NotImplementedError
