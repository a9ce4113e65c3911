"""Location, scale, adaptation and shape put together: what makes a forecast out of a feature frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from app.registry.components.adaptation import Adaptation
from app.registry.components.component import component_from, plain
from app.registry.components.event import EVENT, is_event
from app.registry.components.levels import LEVELS, QUANTILE_NAMES
from app.registry.components.location import Location, ZeroLocation
from app.registry.components.panel import Array, Index, Panel
from app.registry.components.scale import CorrectedScale, EwmaScale, HistoryScale, LogLinearScale, Scale
from app.registry.components.shape import Shape
from app.registry.components.trees import Trees


class Computed(NamedTuple):
    """Forecasts as arrays: which rows of the panel, and for each its location, sigma and 21 quantiles."""

    rows: Index
    location: Array
    sigma: Array
    quantiles: Array


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
        return max(self.scale.lookback + self.adaptation.lookback, self.shape.lookback, self.location.lookback)

    @property
    def features(self) -> tuple[str, ...]:
        """Every column that is read, once, in order."""
        parts = (self.scale.features, self.location.features, self.shape.features, self.adaptation.features)
        return tuple(dict.fromkeys(name for names in parts for name in names))

    def sigma(self, panel: Panel, since: date | None = None) -> Array:
        """Return the adapted sigma of the next session's log return, row by row; computed once a panel.

        It holds from session `since` on: before, what trees add to it is left out.
        """

        def compute() -> Array:
            log_level = self.level(panel)[panel.day] if self.adaptation.gain else np.zeros(len(panel))
            if isinstance(self.scale, CorrectedScale):
                rows = np.flatnonzero(_ready(panel, since))
                log_level[rows] += self.scale.correction(panel, rows)
            return self._unadapted(panel) * np.exp(log_level)

        return panel.once(("sigma", self.scale, self.adaptation, since), compute)

    def level(self, panel: Panel) -> Array:
        """Return the adaptation of log sigma at each of the panel's sessions: given with the panel, or its own."""
        if panel.state is not None:
            return panel.state
        key = ("level", self.base_scale, self.adaptation)
        return panel.once(key, lambda: self.adaptation.level(panel, self._unadapted(panel)))

    @property
    def base_scale(self) -> HistoryScale | EwmaScale | LogLinearScale:
        """The scale without what trees add: the online level is learnt with it."""
        return self.scale.linear if isinstance(self.scale, CorrectedScale) else self.scale

    def _unadapted(self, panel: Panel) -> Array:
        scale = self.base_scale
        return panel.once(scale, lambda: scale.sigma(panel))

    def state(self, features: pl.DataFrame) -> pl.DataFrame:
        """Return session and level: what the online correction learnt, from all symbols that stand for the market.

        A session's level is right when `lookback` sessions of the features stand before it. It belongs to this
        version and to these bars; whoever serves single symbols keeps it until either changes.
        """
        panel = Panel(features)
        level = self.level(panel) if self.adaptation.gain else np.zeros(len(panel.days))
        return pl.DataFrame({"session": panel.days, "level": level})

    def rows(self, panel: Panel, since: date | None = None) -> Index:
        """Return the warm rows, from session `since` on, that have a sigma."""
        return np.flatnonzero(_ready(panel, since) & np.isfinite(self.sigma(panel, since)))

    def raw_location(self, panel: Panel, since: date | None = None) -> Array:
        """Return the location at `rows`, before it is shrunk; computed once a panel."""
        rows = self.rows(panel, since)
        key = ("location", self.location, self.scale, since)
        return panel.once(key, lambda: self.location.predict(panel, self.sigma(panel, since)[rows], rows))

    def compute(self, panel: Panel, since: date | None = None) -> Computed:
        """Forecast every warm row, from session `since` on, as arrays."""
        rows = self.rows(panel, since)
        sigma = self.sigma(panel, since)[rows]
        location = self.shrinkage * self.raw_location(panel, since) if self.shrinkage else np.zeros(len(rows))
        quantiles = self.shape.quantiles(panel, location, sigma, rows)
        whole = np.isfinite(location) & np.isfinite(quantiles[:, 0])
        return Computed(rows[whole], location[whole], sigma[whole], quantiles[whole])

    def forecast(
        self, features: pl.DataFrame, since: date | None = None, state: pl.DataFrame | None = None
    ) -> pl.DataFrame:
        """Forecast the next session's log return for every row, from session `since` on, that has what it needs.

        `features` is a feature frame sorted by (symbol, session), with `lookback` sessions of every symbol before the
        first row that matters; its symbols stand for the market, unless `state` brings what the market taught.
        Returns symbol, session, return_log, sigma, prob_up, q025 … q975 (quantiles of the log return), and what was
        known: `is_event` (the target likely trades results first), `knows_dates` (the symbol's earnings days),
        `knows_index` (the volatility index of that session), each null for a model that doesn't read it. In the same
        order; rows that aren't warm are left out. A row's forecast reads nothing after its session, and is the same to
        the bit however much stands before the lookback.
        """
        panel = Panel(features, state)
        computed = self.compute(panel, since)
        quantiles = zip(QUANTILE_NAMES, np.ascontiguousarray(computed.quantiles.T), strict=True)
        return (
            features[computed.rows]
            .select("symbol", "session")
            .with_columns(
                return_log=pl.Series(computed.location),
                sigma=pl.Series(computed.sigma),
                prob_up=pl.Series(prob_up(computed.quantiles)),
                **{name: pl.Series(values) for name, values in quantiles},
                **_known(panel, computed.rows),
            )
        )

    def as_dict(self) -> dict[str, Any]:
        """Return plain values: everything but the trees, which are files of their own."""
        values: dict[str, Any] = plain(self)
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any], trees: dict[str, Trees]) -> Pipeline:
        """Build a pipeline from its plain values; raises `ValueError` or `KeyError` for what isn't one."""
        return cls(
            scale=component_from("scale", Scale, values["scale"], trees),
            shape=component_from("shape", Shape, values["shape"], trees),
            location=component_from("location", Location, values["location"], trees),
            shrinkage=values["shrinkage"],
            adaptation=Adaptation(**values["adaptation"]),
        )


def _ready(panel: Panel, since: date | None) -> NDArray[np.bool_]:
    """Return which rows are warm, from session `since` on."""
    ready: NDArray[np.bool_] = panel.frame["warm"].to_numpy()
    return ready if since is None else ready & (panel.days[panel.day] >= np.datetime64(since))


def _known(panel: Panel, rows: Index) -> dict[str, pl.Series]:
    """Return what was known of events and of the volatility index, null where a column isn't there."""

    def flag(name: str, holds: Callable[[Array], NDArray[np.bool_]]) -> pl.Series:
        if name not in panel.frame.columns:
            return pl.Series([None] * len(rows), dtype=pl.Boolean)
        return pl.Series(holds(panel.column(name)[rows]))

    return {
        "is_event": flag(EVENT, is_event),
        "knows_dates": flag("earnings_known", lambda share: share > 0.0),
        "knows_index": flag("index_level", np.isfinite),
    }


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
