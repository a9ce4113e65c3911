"""What drives forecasts, worked out when somebody asks: one at a time, and each once."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Annotated, Final, cast

from fastapi import Depends, Request

from app.forecasts.prediction.explain import Drivers, explain
from app.web.edge.deps import Services
from app.web.predictions.schemas import Prediction
from app.web.predictions.snapshot import Answer

MOST_KEPT: Final = 1000


class ExplainedPrediction(Prediction):
    """A forecast and what drives it."""

    drivers: Drivers


class Explainer:
    """Explains forecasts; thread-safe. It reads a year of the whole market, so only one thread works at it."""

    def __init__(self, services: Services) -> None:
        """Keep the services; nothing is read before the first question."""
        self._services = services
        self._working = Lock()
        self._kept: OrderedDict[str, Drivers] = OrderedDict()

    def drivers(self, answer: Answer) -> Drivers:
        """Return what drives a forecast; `NotThere` when its bars or its model are gone."""
        made = answer.forecast
        with self._working:
            if made.id not in self._kept:
                model = self._services.champion.model_of(made.model_version)
                self._kept[made.id] = explain(self._services.database, model, made, answer.situation)
                if len(self._kept) > MOST_KEPT:
                    self._kept.popitem(last=False)
            return self._kept[made.id]


async def get_explainer(request: Request) -> Explainer:
    """Return the process's explainer."""
    return cast("Explainer", request.app.state.explainer)


ExplainerDep = Annotated[Explainer, Depends(get_explainer)]
"""A route's parameter of this type gets it."""
