"""The small market in a store, with a champion."""

from collections.abc import Callable
from datetime import datetime

import polars as pl
import pytest

from app.core.clock import Clock
from app.core.db import Database
from app.core.settings import Settings
from app.forecasts.prediction.forecaster import Forecaster
from app.prices import store
from app.registry.promotion import champion
from app.registry.versions import artefact
from app.registry.versions.model import Model
from tests.forecasts import small


@pytest.fixture
def put(database: Database) -> Callable[..., None]:
    """Store bars as an import would have, on the market's last evening or at the instant given."""

    def into_store(bars: pl.DataFrame, at: datetime = small.NOW) -> None:
        with database.write() as db:
            store.upsert(db, bars, "file", at)

    return into_store


@pytest.fixture
def promote(settings: Settings, database: Database) -> Callable[[Model], None]:
    """Save a model and make it the champion."""

    def make_champion(model: Model) -> None:
        artefact.save(model, settings.models_dir / model.card.version)
        champion.promote(settings, database, model.card.version, "test", {}, small.NOW)

    return make_champion


@pytest.fixture
def forecaster(
    settings: Settings, database: Database, put: Callable[..., None], promote: Callable[[Model], None]
) -> Forecaster:
    """Return a forecaster over four symbols with five years of bars and a champion."""
    put(small.bars())
    promote(small.model())
    return Forecaster(settings, database, Clock(small.NOW))
