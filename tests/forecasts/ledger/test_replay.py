"""Replay: a first training's walk-forward forecasts in the ledger, apart from live ones."""

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from app.core.clock import Clock
from app.core.db import Database
from app.core.settings import Settings
from app.forecasts.ledger import audit, records
from app.forecasts.ledger.replay import SCHEMA, VERDICT, replay
from app.forecasts.ledger.track_record import track_record
from app.forecasts.prediction.forecaster import Forecaster
from app.registry.components.levels import QUANTILE_NAMES
from tests.forecasts import small

Put = Callable[..., None]


def rows(first: date = date(2021, 10, 1)) -> pl.DataFrame:
    """Return forecasts of the small market as a contest hands them down: the last close, and bands of 1 %."""
    closes = small.bars().select("symbol", "close", as_of="session").sort("symbol", "as_of")
    known = closes.with_columns(target_session=pl.col("as_of").shift(-1).over("symbol")).drop_nulls()
    known = known.filter(pl.col("as_of") >= first).rename({"close": "last_close"})
    quantiles = {
        name: pl.col("last_close") * float(np.exp(0.01 * z))
        for name, z in zip(QUANTILE_NAMES, small.NORMAL_Z, strict=True)
    }
    made = known.with_columns(
        **quantiles,
        predicted_close=pl.col("last_close") * 1.0001,
        prob_up=pl.lit(0.51),
        sigma=pl.lit(0.01),
        model=pl.lit("ridge"),
        version=pl.lit("20210930-0a1b2c3d"),
        trained_through=pl.lit(first - timedelta(days=1)),
        fingerprint=pl.lit("d" * 64),
    )
    return made.select(*SCHEMA)


@pytest.fixture
def filled(database: Database, put: Put) -> int:
    """Return how many forecasts were replayed into the market's store."""
    put(small.bars())
    return replay(database, Clock(small.NOW), rows())


def test_replayed_forecasts_are_kept_scored_and_chained(database: Database, filled: int) -> None:
    """Each says that it is one, by which fold's model; its close is known, so that it has its score."""
    assert filled == 63 * 4
    with database.read() as db:
        entries = records.page(db, limit=1000).entries
        assert all(report.intact for report in audit.verify_chain(db))
        assert (records.count(db, "live"), records.count(db, "replay")) == (0, filled)
    assert len(entries) == filled
    assert {(entry.forecast.origin, entry.forecast.verdict) for entry in entries} == {("replay", VERDICT)}
    assert all(entry.score and entry.score.scored_at == small.NOW for entry in entries)
    assert all(entry.forecast.target_session > entry.forecast.trained_through for entry in entries)


def test_the_track_record_never_mixes_the_two(
    database: Database, settings: Settings, filled: int, promote: Callable[..., None]
) -> None:
    """Live is the default, and stays empty until a live forecast is scored; replayed ones are asked for."""
    with database.read() as db:
        live, replayed = track_record(db), track_record(db, origin="replay")
    assert (live.origin, live.n, live.live, live.replay, live.mae_ratio.value) == ("live", 0, 0, filled, None)
    assert (replayed.origin, replayed.n, replayed.pending) == ("replay", filled, 0)
    assert replayed.mae_ratio.lower is not None

    promote(small.model())
    Forecaster(settings, database, Clock(small.NOW)).forecast_all()
    with database.read() as db:
        assert (track_record(db).pending, track_record(db, origin="replay").n) == (4, filled)
        assert [entry.forecast.origin for entry in records.page(db, origin="live").entries] == ["live"] * 4
        assert len(records.page(db, origin="replay", limit=1000).entries) == filled


def test_only_an_empty_ledger_is_filled(database: Database, filled: int) -> None:
    """A second training replays nothing, and neither does a contest without forecasts."""
    assert filled
    assert replay(database, Clock(small.NOW), rows()) == 0
    assert replay(database, Clock(small.NOW), pl.DataFrame()) == 0
