"""The rows of this room: forecast (append-only, hash-chained) and score (written once)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import JSON
from sqlmodel import Field, Index, SQLModel, UniqueConstraint

import app.prices.store.tables  # noqa: F401 - forecast.symbol refers to its table
from app.core.db import UtcDateTime


class ForecastRow(SQLModel, table=True):
    """One forecast as it was made; `quantiles` are closes at the 21 levels, on the basis of `last_close`."""

    __tablename__ = "forecast"
    __table_args__ = (
        UniqueConstraint("symbol", "as_of", "model_version", "origin"),
        Index("ix_forecast_symbol_target_session", "symbol", "target_session"),
        Index("ix_forecast_made_at", "made_at"),
    )

    seq: int | None = Field(default=None, primary_key=True)
    id: str = Field(unique=True, max_length=26)
    symbol: str = Field(foreign_key="symbol.symbol", max_length=20)
    as_of: date
    target_session: date
    target_close_at: datetime = Field(sa_type=UtcDateTime)
    model_name: str = Field(max_length=40)
    model_version: str = Field(max_length=40)
    trained_through: date
    verdict: str
    last_close: float
    predicted_close: float
    predicted_return: float
    prob_up: float
    sigma: float
    quantiles: list[float] = Field(sa_type=JSON)
    feature_fingerprint: str = Field(max_length=64)
    source: str = Field(max_length=20)
    fetched_at: datetime = Field(sa_type=UtcDateTime)
    origin: str = Field(max_length=10)
    made_at: datetime = Field(sa_type=UtcDateTime)
    previous_hash: str = Field(max_length=64)
    hash: str = Field(max_length=64)


class ScoreRow(SQLModel, table=True):
    """How a forecast came out, on the price basis it was made on."""

    __tablename__ = "score"

    forecast_id: str = Field(primary_key=True, foreign_key="forecast.id", max_length=26)
    realised_close: float
    realised_return: float
    abs_error: float
    abs_error_random_walk: float
    hit_direction: bool | None = None
    hit_50: bool
    hit_80: bool
    hit_95: bool
    crps: float
    crps_random_walk: float
    pit: float
    scored_at: datetime = Field(sa_type=UtcDateTime)
