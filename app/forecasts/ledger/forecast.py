"""What a forecast is: a distribution of one symbol's next close, and the facts it was made from.

The ledger's rows (`tables`) inherit these fields, so that each is listed once, with the size of its column.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal, Self

from sqlalchemy import JSON, String
from sqlmodel import Field, SQLModel

from app.core.db import UtcDateTime
from app.core.public import Instant, Price
from app.registry.components.levels import INTERVALS
from app.registry.versions.card import NO_POINT_SKILL

Origin = Literal["live", "replay", "shadow"]
PUBLIC: Final[tuple[Origin, ...]] = ("live", "replay")
"""What readers of the record see; `shadow` is what challengers forecast beside the champion, unseen."""


@dataclass(frozen=True)
class Interval:
    """The close lies in [lower, upper] with probability `level`."""

    level: float
    lower: Price
    upper: Price


@dataclass(frozen=True)
class Freshness:
    """How old a forecast's last bar is: final sessions since then, and whether that is any; true in [since, until)."""

    sessions_behind: int
    stale: bool
    since: datetime
    until: datetime


class Prediction(SQLModel):
    """What a model says of a symbol's next close as of its last bar; prices are on the basis of `last_close`.

    `as_of` is the last session whose bar was used, `target_session` the exchange's next one. `predicted_return` is a
    simple return, `sigma` the scale of the log return. `quantiles` are closes at `registry.levels.LEVELS`.
    """

    model_config = {"frozen": True}

    symbol: str = Field(foreign_key="symbol.symbol", max_length=20)
    as_of: date
    target_session: date
    last_close: float
    predicted_close: float
    predicted_return: float
    prob_up: float
    sigma: float
    quantiles: tuple[float, ...] = Field(sa_type=JSON)
    feature_fingerprint: str = Field(max_length=64)


class Forecast(Prediction):
    """A prediction as it was published: when, by which model, from which prices.

    `origin` is `live` only when it was made after the close of `as_of` and before that of the target: a clock set back
    to an instant before the bars that were used makes no live forecast. `shadow` is one of a challenger, made as live.
    """

    id: str = Field(unique=True, max_length=26)
    target_close_at: datetime = Field(sa_type=UtcDateTime)
    model_name: str = Field(max_length=40)
    model_version: str = Field(max_length=40)
    trained_through: date
    verdict: str
    source: str = Field(max_length=20)
    fetched_at: datetime = Field(sa_type=UtcDateTime)
    origin: Origin = Field(sa_type=String(10))
    made_at: datetime = Field(sa_type=UtcDateTime)

    @property
    def claims_point_skill(self) -> bool:
        """Whether the verdict that goes with it claims a smaller error of the point than the random walk's."""
        return NO_POINT_SKILL not in self.verdict

    def interval(self, level: float) -> Interval:
        """Return the central interval of a published level: 0.5, 0.8 or 0.95."""
        low, high = INTERVALS[level]
        return Interval(level, self.quantiles[low], self.quantiles[high])

    def intervals(self) -> tuple[Interval, ...]:
        """Return the published intervals, narrowest first."""
        return tuple(self.interval(level) for level in INTERVALS)

    def on_basis(self, close: float) -> Self:
        """Return the same forecast with its prices on another basis, on which the close at `as_of` is `close`.

        A split between two looks at a forecast restates the history; returns, probabilities and scale stay.
        """
        if close == self.last_close:
            return self
        ratio = close / self.last_close
        quantiles = tuple(quantile * ratio for quantile in self.quantiles)
        prices = {"last_close": close, "predicted_close": self.predicted_close * ratio, "quantiles": quantiles}
        return self.model_copy(update=prices)


class Score(SQLModel):
    """How a forecast came out; prices and errors are on the basis of its `last_close`.

    `hit_direction` is None when the close didn't move or the forecast took no side. `crps_random_walk` is that of the
    last close with the quantiles of the symbol's last 250 log returns. `pit` is the forecast's distribution function
    at the realised close. `revision` counts from 0: a close that the source revised gives a score beside the first.
    """

    model_config = {"frozen": True}

    forecast_id: str = Field(foreign_key="forecast.id", max_length=26, exclude=True)
    revision: int
    realised_close: Price
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
    scored_at: Instant = Field(sa_type=UtcDateTime)
