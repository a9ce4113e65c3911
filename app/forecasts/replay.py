"""The replay proof: a stored forecast is rebuilt, to the last digit, from the stored bars and the model version."""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from app.core.db import Database
from app.core.errors import NotThere
from app.core.settings import Settings
from app.forecasts import ledger
from app.forecasts.forecast import Forecast
from app.forecasts.outlook import survey
from app.prices import store
from app.registry.promotion.champion import version_directory
from app.registry.versions import artefact


@dataclass(frozen=True)
class Replay:
    """A stored forecast beside its rebuilt twin; `differences` names the fields that don't agree."""

    stored: Forecast
    rebuilt: Forecast
    differences: tuple[str, ...]


def replay(settings: Settings, database: Database, forecast_id: str) -> Replay:
    """Rebuild one forecast from the bars of all symbols as they were known when it was made, and its model version.

    Errors: `NotThere` when the forecast, its model version or its bars are gone; `BrokenArtefact`.
    """
    with database.read() as db:
        stored = ledger.get(db, forecast_id).forecast
        statuses = store.statuses(db)
        known = [store.as_known(db, one.symbol, stored.made_at) for one in statuses]
    bars = pl.concat(known).filter(pl.col("session") <= stored.as_of).sort("symbol", "session")
    model = artefact.load(version_directory(settings, stored.model_version))
    made = survey(bars, {one.symbol: one.exchange for one in statuses}, model).outlooks
    if stored.symbol not in made or made[stored.symbol].as_of != stored.as_of:
        raise NotThere(f"the bars that forecast {forecast_id} was made from are no longer in the store")
    rebuilt = replace(stored, **vars(made[stored.symbol]))
    differences = tuple(name for name, value in vars(stored).items() if getattr(rebuilt, name) != value)
    return Replay(stored, rebuilt, differences)
