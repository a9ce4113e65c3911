"""The replay proof: a stored forecast is rebuilt, to the last digit, from the stored bars and the model version."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.db import Database
from app.core.settings import Settings
from app.forecasts.forecast import Forecast


@dataclass(frozen=True)
class Replay:
    """A stored forecast beside its rebuilt twin; `differences` names the fields that don't agree."""

    stored: Forecast
    rebuilt: Forecast
    differences: tuple[str, ...]


def replay(settings: Settings, database: Database, forecast_id: str) -> Replay:
    """Rebuild one forecast from the bars as they were known when it was made.

    Errors: `NotThere` when the forecast, its model version or its bars are gone.
    """
    raise NotImplementedError
