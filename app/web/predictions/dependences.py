"""Partial dependences, worked out when somebody asks: one at a time, each once a session, a bounded number kept."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Annotated, Final, cast

from fastapi import Depends, Request

from app.forecasts.prediction.dependence import Dependence, Ground, dependence, ground
from app.registry.versions.model import Model
from app.web.edge.deps import Services

MOST_KEPT: Final = 500


class Dependences:
    """Works dependences out; thread-safe. It reads two years of the whole market, so only one thread works at it."""

    def __init__(self, services: Services) -> None:
        """Keep the services; nothing is read before the first question."""
        self._services = services
        self._working = Lock()
        self._kept: OrderedDict[tuple[str, object, str], Dependence] = OrderedDict()
        self._ground: tuple[tuple[str, object], Model, Ground] | None = None

    def of(self, version: str, feature: str) -> Dependence:
        """Return what a stored version makes of a feature; `NotThere` for a version or feature that isn't there."""
        newest = max((one.last for one in self._services.stored.all() if one.last), default=None)
        with self._working:
            key = (version, newest, feature)
            if key not in self._kept:
                if self._ground is None or self._ground[0] != key[:2]:
                    model = self._services.champion.model_of(version)
                    self._ground = key[:2], model, ground(self._services.database, model)
                self._kept[key] = dependence(self._ground[2], self._ground[1], feature)
                if len(self._kept) > MOST_KEPT:
                    self._kept.popitem(last=False)
            return self._kept[key]


async def get_dependences(request: Request) -> Dependences:
    """Return what works dependences out in this process."""
    return cast("Dependences", request.app.state.dependences)


DependencesDep = Annotated[Dependences, Depends(get_dependences)]
"""A route's parameter of this type gets it."""
