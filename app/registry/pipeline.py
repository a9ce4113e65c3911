"""Location, scale, shape and adaptation, put together."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Pipeline:
    """The parts of one forecast."""

    lookback: int = 0

    def forecast(self, features: pl.DataFrame) -> pl.DataFrame:
        """Forecast every warm row."""
        raise NotImplementedError
