"""The replay proof: a stored forecast is rebuilt, to the last digit, from the stored bars and the model version."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from app.core.db import Database
from app.core.errors import NotThere
from app.core.settings import Settings
from app.forecasts.ledger import records
from app.forecasts.ledger.forecast import Forecast
from app.forecasts.prediction.predict import predict_all
from app.prices import store
from app.prices.symbols import SERIES_MARK
from app.registry.versions import artefact
from app.registry.versions.stored import version_directory


@dataclass(frozen=True)
class Rebuilt:
    """A stored forecast beside its rebuilt twin; `differences` names the fields that don't agree."""

    stored: Forecast
    rebuilt: Forecast
    differences: tuple[str, ...]


def rebuild(settings: Settings, database: Database, forecast_id: str) -> Rebuilt:
    """Rebuild one forecast from what was known when it was made, and its model version.

    Errors: `NotThere` when the forecast, its model version or its bars are gone; `BrokenArtefact`.
    """
    with database.read() as db:
        stored = records.get(db, forecast_id).forecast
        exchanges, events = store.exchanges(db), store.events(db, at=stored.made_at)
        known = [store.as_known(db, symbol, stored.made_at) for symbol in store.symbol_versions(db)]
    held = pl.concat(known).filter(pl.col("session") <= stored.as_of).sort("symbol", "session")
    in_series = pl.col("symbol").str.starts_with(SERIES_MARK)
    bars, series = held.filter(~in_series), held.filter(in_series)
    model = artefact.load(version_directory(settings, stored.model_version))
    made = predict_all(bars, exchanges, model, events, series).by_symbol.get(stored.symbol)
    if made is None or made.as_of != stored.as_of:
        raise NotThere(f"the bars that forecast {forecast_id} was made from are no longer in the store")
    rebuilt = stored.model_copy(update=vars(made))
    differences = tuple(name for name, value in stored if getattr(rebuilt, name) != value)
    return Rebuilt(stored, rebuilt, differences)
