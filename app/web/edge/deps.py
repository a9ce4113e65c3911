"""What the routes need: the process's services, found on the app, built once by `app.main`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Annotated, cast

from fastapi import Depends, Request

from app.core.clock import Clock, calendar
from app.core.db import Database
from app.core.settings import Settings
from app.forecasts.prediction.forecaster import Forecaster
from app.prices.sources.factory import open_source
from app.prices.sources.protocol import PriceSource
from app.prices.store import SymbolStatus
from app.registry.promotion.champion import Champion


@dataclass(frozen=True)
class Services:
    """What one process has of each; safe to use from several threads."""

    settings: Settings
    database: Database
    clock: Clock
    forecaster: Forecaster
    champion: Champion

    @cached_property
    def source(self) -> PriceSource:
        """Where unknown symbols are looked up; opened when the first one is asked for."""
        return open_source(self.settings)

    def sessions_behind(self, status: SymbolStatus) -> int | None:
        """Count the final sessions since the symbol's newest bar, by its own exchange; None where it has none."""
        if status.last is None:
            return None
        return self._behind(status.exchange, status.last)

    def _behind(self, exchange: str, last: date) -> int:
        """Count them; what it takes for one symbol is kept for the others, until another bar becomes final."""
        now, days = self.clock.now(), calendar(exchange)
        since, until, found = self._ages.get(exchange, (now, now, {}))
        if not since <= now < until:
            since, until, found = *days.final_window(now), {}
            self._ages[exchange] = since, until, found
        if last not in found:
            found[last] = days.sessions_behind(last, now)
        return found[last]

    @cached_property
    def _ages(self) -> dict[str, tuple[datetime, datetime, dict[date, int]]]:
        return {}

    def champion_version(self) -> str | None:
        """Return the version that is served; None before the first promotion."""
        model = self.champion.current()
        return model.card.version if model else None


async def get_services(request: Request) -> Services:
    """Return the services that `app.main` put on the app; async, for FastAPI calls a plain function in a thread."""
    return cast("Services", request.app.state.nextclose)


ServicesDep = Annotated[Services, Depends(get_services)]
"""A route's parameter of this type gets them."""
