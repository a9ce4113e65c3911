"""A small market of simulated prices, and a model small enough to be written down, for the tests of this room."""

from datetime import UTC, date, datetime

import numpy as np
import polars as pl

from app.core.clock import calendar
from app.features.catalogue import SCALE_REGRESSORS
from app.registry.components.adaptation import Adaptation
from app.registry.components.location import LinearLocation
from app.registry.components.scale import LogLinearScale
from app.registry.components.shape import PooledShape
from app.registry.versions.card import LocationCard, Metrics, ModelCard, ScaleCard, Score, ShapeCard
from app.registry.versions.model import Model
from app.registry.versions.pipeline import Pipeline

SYMBOLS = ("AAA", "BBB", "CCC", "DDD")
FIRST, LAST = date(2017, 1, 3), date(2021, 12, 31)
NOW = datetime(2021, 12, 31, 22, 0, tzinfo=UTC)
NORMAL_Z = (
    -1.96, -1.645, -1.282, -1.036, -0.842, -0.674, -0.524, -0.385, -0.253, -0.126, 0.0,
    0.126, 0.253, 0.385, 0.524, 0.674, 0.842, 1.036, 1.282, 1.645, 1.96,
)  # fmt: skip


def bars(symbols: tuple[str, ...] = SYMBOLS, first: date = FIRST, last: date = LAST) -> pl.DataFrame:
    """Return bars of a seeded market: each symbol follows it and itself, whichever others are asked for."""
    sessions = calendar().between(FIRST, LAST)
    market = np.random.default_rng(1).normal(0.0, 0.008, len(sessions))
    frames = []
    for symbol in symbols:
        draws = np.random.default_rng(sum(symbol.encode())).normal(size=(4, len(sessions)))
        close = 100.0 * np.exp(np.cumsum(market + 0.01 * draws[0]))
        start = close * np.exp(0.003 * draws[1])
        frames.append(
            pl.DataFrame(
                {
                    "symbol": [symbol] * len(sessions),
                    "session": sessions,
                    "open": start,
                    "high": np.maximum(start, close) * np.exp(np.abs(0.004 * draws[2])),
                    "low": np.minimum(start, close) * np.exp(-np.abs(0.004 * draws[3])),
                    "close": close,
                    "volume": (1e6 * np.exp(0.3 * draws[1])).astype(np.int64),
                    "adj_close": close,
                }
            )
        )
    return pl.concat(frames).filter(pl.col("session").is_between(first, last))


def model(
    version: str = "v1",
    lean: float = 0.02,
    wider: float = 0.0,
    through: date = date(2020, 12, 31),
    name: str = "ridge",
) -> Model:
    """Return a model that reads features, the market and its own misses.

    `lean` tilts its location, `wider` is added to the log of its scale; it learnt `through` that session.
    """
    scale = SCALE_REGRESSORS[:4]
    pipeline = Pipeline(
        scale=LogLinearScale(scale, (0.0,) * 4, (1.0,) * 4, (0.02,) * 4, wider, 4.5),
        shape=PooledShape(NORMAL_Z, rows=1000),
        location=LinearLocation(("ret_5",), (0.0,), (0.02,), (lean,)),
        shrinkage=0.5,
        adaptation=Adaptation(gain=0.02, doublings=6),
    )
    card = ModelCard(
        version=version,
        name=name,
        created_at=NOW,
        trained_from=FIRST,
        trained_through=through,
        symbols=SYMBOLS,
        features=pipeline.features,
        lookback=pipeline.lookback,
        feature_fingerprint="f" * 64,
        dataset_fingerprint="d" * 64,
        location=LocationCard(kind="linear"),
        scale=ScaleCard(kind="loglinear"),
        shape=ShapeCard(kind="pooled"),
        metrics=Metrics(overall=Score(n=0, sessions=0)),
        verdict="no point skill shown",
        tries=1,
    )
    return Model(card, pipeline)
