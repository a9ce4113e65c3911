"""The served forecast: from the ledger when the champion already made it, else computed now and kept."""

from __future__ import annotations

from collections.abc import Sequence

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import NextcloseError
from app.core.progress import Progress, silent
from app.core.settings import Settings
from app.forecasts.forecast import Forecast, Freshness


class Forecaster:
    """Answers what the next close may be; thread-safe, one per process."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        """Keep what is needed; nothing is read before the first question."""
        self._settings = settings
        self._database = database
        self._clock = clock

    def latest(self, symbol: str) -> Forecast:
        """Return the forecast for the first session after the symbol's last final bar.

        Errors: `UnknownSymbol`, `NoHistory` (too few bars), `NoChampion`.
        """
        found = self.latest_many([symbol])[0]
        if isinstance(found, NextcloseError):
            raise found
        return found

    def latest_many(self, symbols: Sequence[str]) -> list[Forecast | NextcloseError]:
        """Return one forecast or one error per symbol, in the order asked.

        Errors: `NoChampion` alone is raised, for it concerns all of them.
        """
        raise NotImplementedError

    def forecast_all(self, progress: Progress = silent) -> int:
        """Forecast every stored symbol that can be, keep what is new, and return how many were new."""
        raise NotImplementedError

    def freshness(self, forecast: Forecast) -> Freshness:
        """Say how many final sessions the forecast's last bar is behind, by the symbol's own exchange."""
        raise NotImplementedError
