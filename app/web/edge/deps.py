"""What the routes need: the service's parts, found on the app, built once by `app.main`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, cast

from fastapi import Depends, Request

from app.core.clock import Clock
from app.core.db import Database
from app.core.settings import Settings
from app.forecasts.forecaster import Forecaster
from app.prices.sources.factory import open_source
from app.prices.sources.protocol import PriceSource
from app.registry.promotion.champion import Champion


@dataclass(frozen=True)
class Services:
    """One process's parts; each is safe to use from several threads."""

    settings: Settings
    database: Database
    clock: Clock
    forecaster: Forecaster
    champion: Champion

    @cached_property
    def source(self) -> PriceSource:
        """Where unknown symbols are looked up; opened when the first one is asked for."""
        return open_source(self.settings)


def services(request: Request) -> Services:
    """Return the parts that `app.main` put on the app."""
    return cast("Services", request.app.state.nextclose)


Parts = Annotated[Services, Depends(services)]
"""A route's parameter of this type gets the service's parts."""
