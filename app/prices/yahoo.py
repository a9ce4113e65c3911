"""Yahoo Finance as a price source."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import ClassVar

from app.prices.source import FETCH_TIMEOUT_S, Fetched, Unreachable


class YahooSource:
    """Daily bars from Yahoo Finance."""

    name: ClassVar[str] = "yahoo"

    def __init__(self, cache: Path) -> None:
        """Keep yfinance's caches (cookies, time zones) in this folder."""
        self._cache = cache

    def fetch(
        self, symbol: str, start: date | None = None, end: date | None = None, timeout_s: float = FETCH_TIMEOUT_S
    ) -> Fetched:
        """Return the symbol's bars and actions in [start, end]."""
        raise Unreachable(f"{symbol} {start} {end} {timeout_s}")
