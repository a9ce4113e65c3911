"""The rows of this room: forecast (append-only, hash-chained) and score (written once)."""

from __future__ import annotations

from sqlmodel import Field, Index, UniqueConstraint

import app.prices.store.tables  # noqa: F401 - forecast.symbol refers to its table
from app.forecasts.forecast import Forecast, Score


class ForecastRow(Forecast, table=True):
    """One forecast as it was made, and its place in the chain."""

    __tablename__ = "forecast"
    __table_args__ = (
        UniqueConstraint("symbol", "as_of", "model_version", "origin"),
        Index("ix_forecast_symbol_target_session", "symbol", "target_session"),
        Index("ix_forecast_made_at", "made_at"),
    )

    seq: int | None = Field(default=None, primary_key=True)
    previous_hash: str = Field(max_length=64)
    hash: str = Field(max_length=64)


class ScoreRow(Score, table=True):
    """How a forecast came out, on the price basis it was made on."""

    __tablename__ = "score"
