"""Location, scale, adaptation and shape put together: what makes a forecast out of a feature frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from app.registry.adaptation import Adaptation
from app.registry.levels import LEVELS, QUANTILE_NAMES
from app.registry.location import Location, ZeroLocation, location_from
from app.registry.panel import Array, Panel
from app.registry.scale import Scale, scale_from
from app.registry.shape import Shape, shape_from
from app.registry.trees import Trees


@dataclass(frozen=True)
class Pipeline:
    """The parts of one model; `shrinkage` in [0, 1] says how far the location is trusted."""

    scale: Scale
    shape: Shape
    location: Location = field(default_factory=ZeroLocation)
    shrinkage: float = 0.0
    adaptation: Adaptation = field(default_factory=Adaptation)

    @property
    def lookback(self) -> int:
        """How many earlier rows of the symbol, and sessions of the market, a forecast reads."""
        parts = (self.scale.lookback + self.adaptation.lookback, self.shape.lookback, self.location.lookback)
        return max(parts)

    @property
    def features(self) -> tuple[str, ...]:
        """Every column that is read, once, in order."""
        return tuple(dict.fromkeys((*self.scale.features, *self.location.features)))

    def sigma(self, panel: Panel) -> Array:
        """Return the adapted sigma of the next session's log return, row by row; computed once a panel."""
        key = ("sigma", self.scale, self.adaptation)
        return panel.once(key, lambda: self.adaptation.corrected(panel, self.scale.sigma(panel)))

    def forecast(self, features: pl.DataFrame | Panel, since: date | None = None) -> pl.DataFrame:
        """Forecast every warm row, from session `since` on; see `Model.forecast`."""
        panel = features if isinstance(features, Panel) else Panel(features)
        sigma = self.sigma(panel)
        raw = self.location.predict(panel, sigma) if self.shrinkage else np.zeros(len(panel))
        location = self.shrinkage * raw
        quantiles = self.shape.quantiles(panel, location, sigma)
        ready = panel.frame["warm"].to_numpy() & np.isfinite(sigma) & np.isfinite(location)
        ready &= np.isfinite(quantiles[:, 0])
        if since is not None:
            ready &= panel.days[panel.day] >= np.datetime64(since)
        return _frame(panel, np.flatnonzero(ready), location, sigma, quantiles)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values: everything but the trees, which are files of their own."""
        return {
            "location": self.location.as_dict(),
            "shrinkage": self.shrinkage,
            "scale": self.scale.as_dict(),
            "adaptation": self.adaptation.as_dict(),
            "shape": self.shape.as_dict(),
        }

    @classmethod
    def from_dict(cls, parts: dict[str, Any], trees: dict[str, Trees]) -> Pipeline:
        """Build a pipeline from its plain values; raises `ValueError` or `KeyError` for what isn't one."""
        return cls(
            scale=scale_from(parts["scale"]),
            shape=shape_from(parts["shape"]),
            location=location_from(parts["location"], trees),
            shrinkage=parts["shrinkage"],
            adaptation=Adaptation(**parts["adaptation"]),
        )


def _frame(panel: Panel, rows: Any, location: Array, sigma: Array, quantiles: Array) -> pl.DataFrame:
    table = quantiles[rows]
    columns = {name: np.ascontiguousarray(table[:, place]) for place, name in enumerate(QUANTILE_NAMES)}
    kept: pl.DataFrame = panel.frame.select("symbol", "session")[rows]
    return kept.with_columns(
        return_log=pl.Series(location[rows]),
        sigma=pl.Series(sigma[rows]),
        prob_up=pl.Series(prob_up(table)),
        **{name: pl.Series(values) for name, values in columns.items()},
    )


def prob_up(quantiles: Array) -> Array:
    """Return the probability of a positive log return, by linear interpolation between the quantiles.

    Beyond the outer levels it is held at 0.975 and 0.025: 21 quantiles know no more.
    """
    below = np.full(len(quantiles), LEVELS[0])
    for place in range(len(LEVELS) - 1):
        low, high = quantiles[:, place], quantiles[:, place + 1]
        inside = (low <= 0.0) & (high > 0.0)
        part = np.divide(-low, high - low, out=np.zeros(len(low)), where=inside)
        below = np.where(inside, LEVELS[place] + part * (LEVELS[place + 1] - LEVELS[place]), below)
    return 1.0 - np.where(quantiles[:, -1] <= 0.0, LEVELS[-1], below)
