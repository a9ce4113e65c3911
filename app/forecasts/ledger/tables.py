"""The rows of this room: forecast and score, both append-only and hash-chained; triggers refuse to change a row."""

from __future__ import annotations

from sqlmodel import Field, Index, SQLModel, UniqueConstraint

import app.prices.store.tables  # noqa: F401 - forecast.symbol refers to its table
from app.forecasts.ledger.forecast import Forecast, Score


class Link(SQLModel):
    """A row's place in the chain of its table: `hash` is over `previous_hash` and the row's own fields."""

    seq: int | None = Field(default=None, primary_key=True)
    previous_hash: str = Field(max_length=64)
    hash: str = Field(max_length=64)


class ForecastRow(Forecast, Link, table=True):
    """One forecast as it was made."""

    __tablename__ = "forecast"
    __table_args__ = (
        UniqueConstraint("symbol", "as_of", "model_version", "origin"),
        Index("ix_forecast_symbol_target_session", "symbol", "target_session"),
        Index("ix_forecast_made_at", "made_at"),
    )


class ScoreRow(Score, Link, table=True):
    """How a forecast came out, on the price basis it was made on."""

    __tablename__ = "score"
    __table_args__ = (UniqueConstraint("forecast_id", "revision"),)
