"""The service lives through evenings by itself, is killed in between, and no forecast is lost or made twice."""

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from app.core.clock import ClockFile, calendar
from app.core.db import Database
from app.core.settings import Settings
from app.prices import store
from app.prices.sources.sample import sample_bars
from app.registry.promotion import champion
from app.registry.promotion.challengers import in_shadow
from app.registry.versions import artefact
from tests.flow.living import Service, outcome, replay
from tests.forecasts import small

WATCHED = ("AAPL", "GOOG", "IBM", "MSFT")
BEFORE = date(2013, 2, 21)
SESSIONS = calendar().between(date(2013, 2, 22), date(2013, 2, 26))
KILLED = date(2013, 2, 25)
"""A Monday: the week's retraining belongs to its evening."""


@pytest.fixture
def service(settings: Settings, database: Database, tmp_path: Path) -> Iterator[Service]:
    """Start the service on the evening of `BEFORE`, with a champion that a contest of that week made."""
    model = small.model("v1", through=BEFORE, name="volatility")
    model = type(model)(model.card.model_copy(update={"symbols": WATCHED}), model.pipeline)
    artefact.save(model, settings.models_dir / "v1")
    with database.write() as db:
        bars = sample_bars().filter(pl.col("symbol").is_in(WATCHED), pl.col("session") <= BEFORE)
        store.upsert(db, bars, "sample", calendar().final_at(BEFORE))
        store.watch(db, WATCHED, calendar().final_at(BEFORE))
    evidence = {"training": "contest", "card": {"trained_through": BEFORE.isoformat()}}
    champion.promote(settings, database, "v1", "test", evidence, calendar().final_at(BEFORE))
    moved = settings.model_copy(update={"now": ClockFile(tmp_path / "now"), "symbols": WATCHED, "market_series": ()})
    made = Service(moved, 8700 + os.getpid() % 1000)
    made.evening(BEFORE)
    made.start()
    yield made
    made.stop()


def test_no_forecast_is_lost_or_made_twice_across_a_kill(service: Service, database: Database) -> None:
    """Three evenings, server and job killed with -9 in the second: each symbol has each forecast and score once."""
    service.rest(BEFORE)
    kills = {KILLED: "server and job"}
    assert list(replay(service, lambda _: None, SESSIONS, kills)) == list(SESSIONS)
    found = outcome(database, SESSIONS, len(WATCHED))
    assert (found.expected, found.forecasts, found.double) == (12, 12, 0)
    assert (found.scores, found.scored_twice) == (12, 0)
    assert found.intact
    assert (found.jobs["cycle done"], found.jobs["cycle lost"]) == (4, 1)
    assert not any(state.endswith("failed") for state in found.jobs), found.jobs
    assert [(what, previous) for what, _, previous, _ in found.decisions] == [
        ("2013-02-21 promotion", None), ("2013-02-25 challenge", "v1"),
    ]  # fmt: skip
    with database.read() as db:
        (challenger,) = in_shadow(db)
    assert challenger == found.decisions[1][1]
    assert found.origins == {"live": 16, "shadow": 8}
