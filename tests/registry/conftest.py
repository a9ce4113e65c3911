"""A feature frame and the models that are tried on it."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from app.core.clock import calendar
from app.features import frame
from app.registry.components.adaptation import Adaptation
from app.registry.components.levels import LEVELS
from app.registry.components.location import LinearLocation
from app.registry.components.scale import LogLinearScale
from app.registry.components.shape import PooledShape
from app.registry.versions.model import Model
from app.registry.versions.pipeline import Pipeline
from tests.registry.models import versioned


@pytest.fixture(scope="session")
def features() -> pl.DataFrame:
    """Return features of four random walks over 700 sessions."""
    rng = np.random.default_rng(8)
    days = [day for day in calendar().sessions if day >= date(2015, 1, 2)][:700]
    close = 40 * np.exp(np.cumsum(0.015 * rng.standard_normal((4, 700)), axis=1))
    opened = close * np.exp(0.004 * rng.standard_normal((4, 700)))
    spread = np.exp(0.006 * np.abs(rng.standard_normal((4, 700))))
    bars = pl.DataFrame(
        {
            "symbol": np.repeat(["AAA", "BBB", "CCC", "DDD"], 700),
            "session": pl.Series(days * 4),
            "open": opened.ravel(),
            "high": (np.maximum(opened, close) * spread).ravel(),
            "low": (np.minimum(opened, close) / spread).ravel(),
            "close": close.ravel(),
            "volume": rng.integers(1_000_000, 9_000_000, 2800),
            "adj_close": pl.Series([None] * 2800, dtype=pl.Float64),
        }
    )
    return frame.build(bars, calendar())


@pytest.fixture(scope="session")
def model() -> Model:
    """Return a linear location on an adapted log-linear scale with a pooled shape."""
    names = ("range_22", "range_1", "market_range_1")
    scale = LogLinearScale(names, (-4.2, -4.3, -4.3), (0.2, 0.5, 0.2), (0.01, 0.05, 0.02), 0.05, 4.0)
    location = LinearLocation(("excess", "rank_ret_1"), (0.0, 0.0), (0.01, 0.3), (-0.02, -0.01))
    z = tuple(2.2 * (level - 0.48) for level in LEVELS)
    return versioned(Pipeline(scale, PooledShape(z, 1000), location, 0.5, Adaptation(gain=0.015)), "ridge")
