"""A forecast is location times scale times shape: the one piece of code that folds, backtest and serving share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from app.registry.versions.card import ModelCard
from app.registry.versions.pipeline import Pipeline


@dataclass(frozen=True)
class Model:
    """A version that can be served: its card, and the pipeline that makes its forecasts."""

    card: ModelCard
    pipeline: Pipeline

    @property
    def lookback(self) -> int:
        """How many sessions before a row the feature frame must hold for that row's forecast."""
        return self.pipeline.lookback

    def state(self, features: pl.DataFrame) -> pl.DataFrame:
        """Return session and level: what the online correction learnt, from all symbols that stand for the market.

        A session's level is right when `lookback` sessions of the features stand before it. It belongs to this
        version and to these bars; whoever serves single symbols keeps it until either changes.
        """
        return self.pipeline.state(features)

    def forecast(
        self, features: pl.DataFrame, since: date | None = None, state: pl.DataFrame | None = None
    ) -> pl.DataFrame:
        """Forecast the next session's log return for every row, from session `since` on, that has what it needs.

        `features` is a feature frame sorted by (symbol, session), with `lookback` sessions of every symbol before the
        first row that matters; its symbols stand for the market, unless `state` brings what the market taught.
        Returns symbol, session, return_log, sigma, prob_up and q025 … q975 (quantiles of the log return), in the same
        order; rows that aren't warm are left out. A row's forecast reads nothing after its session, and is the same to
        the bit however much stands before the lookback.
        """
        return self.pipeline.forecast(features, since, state)
