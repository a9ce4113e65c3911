"""What a forecast is: a distribution of one symbol's next close, and the facts it was made from."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from hashlib import sha256
from typing import Annotated, Any, Literal

from app.core.public import Hidden, Instant
from app.registry.components.levels import INTERVALS

Origin = Literal["live", "replay"]


@dataclass(frozen=True)
class Interval:
    """The close lies in [lower, upper] with probability `level`."""

    level: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Freshness:
    """How old a forecast's last bar is: final sessions since then, and whether that is any."""

    sessions_behind: int
    stale: bool


@dataclass(frozen=True)
class Forecast:
    """One symbol's next close as it was forecast; prices are on the basis of `last_close`.

    `as_of` is the last session whose bar was used, `target_session` the exchange's next one. `predicted_return` is a
    simple return, `sigma` the scale of the log return. `quantiles` are closes at `registry.levels.LEVELS`. `origin` is
    `live` only when it was made after the close of `as_of` and before that of the target: a clock set back to an
    instant before the bars that were used makes no live forecast.
    """

    id: str
    symbol: str
    as_of: date
    target_session: date
    target_close_at: datetime
    last_close: float
    predicted_close: float
    predicted_return: float
    prob_up: float
    sigma: float
    quantiles: tuple[float, ...]
    model_name: str
    model_version: str
    trained_through: date
    verdict: str
    feature_fingerprint: str
    source: str
    fetched_at: datetime
    origin: Origin
    made_at: datetime

    def interval(self, level: float) -> Interval:
        """Return the central interval of a published level: 0.5, 0.8 or 0.95."""
        low, high = INTERVALS[level]
        return Interval(level, self.quantiles[low], self.quantiles[high])

    def intervals(self) -> tuple[Interval, ...]:
        """Return the published intervals, narrowest first."""
        return tuple(self.interval(level) for level in INTERVALS)

    def on_basis(self, close: float) -> Forecast:
        """Return the same forecast with its prices on another basis, on which the close at `as_of` is `close`.

        A split between two looks at a forecast restates the history; returns, probabilities and scale stay.
        """
        if close == self.last_close:
            return self
        ratio = close / self.last_close
        return replace(
            self,
            last_close=close,
            predicted_close=self.predicted_close * ratio,
            quantiles=tuple(quantile * ratio for quantile in self.quantiles),
        )

    def digest(self, previous_hash: str) -> str:
        """Return the sha256 over this forecast and the hash of the one before it in the ledger."""
        return sha256((previous_hash + json.dumps(self.plain(), sort_keys=True)).encode()).hexdigest()

    def plain(self) -> dict[str, Any]:
        """Return the fields as JSON's own types; instants are ISO 8601 in UTC, floats keep every digit."""
        fields = asdict(self)
        for name, value in fields.items():
            if isinstance(value, date):  # datetime is one too
                fields[name] = value.isoformat()
        fields["quantiles"] = list(self.quantiles)
        return fields


@dataclass(frozen=True)
class Score:
    """How a forecast came out; prices and errors are on the basis of its `last_close`.

    `hit_direction` is None when the close didn't move or the forecast took no side. `crps_random_walk` is that of the
    last close with the quantiles of the symbol's last 250 log returns. `pit` is the forecast's distribution function
    at the realised close.
    """

    forecast_id: Annotated[str, Hidden]
    realised_close: float
    realised_return: float
    abs_error: float
    abs_error_random_walk: float
    hit_direction: bool | None
    hit_50: bool
    hit_80: bool
    hit_95: bool
    crps: float
    crps_random_walk: float
    pit: float
    scored_at: Instant
