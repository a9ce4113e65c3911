"""What a forecast says as JSON, newest or in the ledger: snake_case, null where a number isn't known."""

from __future__ import annotations

from datetime import date
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field

from app.core.public import Instant, Price
from app.forecasts.ledger.forecast import Forecast, Freshness, Interval, Score
from app.forecasts.ledger.records import Entry
from app.forecasts.prediction.situation import EventAhead, Situation
from app.registry.components.levels import INTERVALS
from app.registry.versions.stored import is_expired

MAX_SYMBOLS = 1000


class Schema(BaseModel):
    """What all shapes share."""

    @classmethod
    def of(cls, *values: object, **own: Any) -> Self:
        """Build it from the values' fields of the same names; `own` are those that none of them has."""
        known = {name: found for one in values for name, found in vars(one).items()} | own
        return cls(**known)


class UsedModel(Schema):
    """The model behind a forecast."""

    name: str
    version: str
    trained_through: date
    verdict: str
    expired: bool = Field(description="Whether it had learnt longer before `as_of` than anything that was judged")

    @classmethod
    def behind(cls, forecast: Forecast, **own: Any) -> Self:
        """Build it from a forecast; `own` are the fields that it doesn't know."""
        return cls(
            name=forecast.model_name,
            version=forecast.model_version,
            trained_through=forecast.trained_through,
            verdict=forecast.verdict,
            expired=is_expired(forecast.trained_through, forecast.as_of),
            **own,
        )


class ServedModel(UsedModel):
    """The model behind a forecast that is served now."""

    proofs_owed: bool = Field(
        description="Whether it is a very first champion whose proofs are still to come: one that fails withdraws it"
    )


class UsedData(Schema):
    """The prices behind a forecast, and how old they are."""

    source: str
    fetched_at: Instant
    sessions_behind: int
    stale: bool
    missing_inputs: tuple[str, ...] = Field(
        description="Regressors that stood at their mean: `earnings_days`, `volatility_index`"
    )


class ForecastSchema(Schema):
    """What a forecast says, newest or in the ledger."""

    prediction_id: str
    symbol: str
    as_of: date
    target_session: date
    target_close_at: Instant
    last_close: Price
    predicted_close: Price
    predicted_return: float
    prob_up: float
    intervals: tuple[Interval, ...]
    model: UsedModel

    @classmethod
    def of_forecast(cls, forecast: Forecast, *values: object, **own: Any) -> Self:
        """Build it from a forecast and what stands beside it."""
        own = {"model": UsedModel.behind(forecast), **own}
        return cls.of(forecast, *values, prediction_id=forecast.id, intervals=forecast.intervals(), **own)


class Prediction(ForecastSchema):
    """The forecast of the first session after the last final bar, and what stands beside it."""

    model: ServedModel
    expected_move: float = Field(description="Mean absolute simple return under the forecast distribution")
    usual_move: float | None = Field(description="Mean absolute simple return of the symbol's last 250 sessions")
    event: EventAhead | None = Field(
        description="The next earnings day that was known; `sessions_until` counts from `as_of` to the session that"
        " first trades it, so that 1 says: this forecast is about it"
    )
    data: UsedData

    @classmethod
    def of_newest(
        cls, forecast: Forecast, freshness: Freshness, situation: Situation, *, proofs_owed: bool = False
    ) -> Self:
        """Build it from a forecast, the age of its prices, what stands beside it, and what its model still owes."""
        model = ServedModel.behind(forecast, proofs_owed=proofs_owed)
        return cls.of_forecast(forecast, situation, model=model, data=UsedData.of(forecast, freshness, situation))


class PredictRequest(BaseModel):
    """The symbols to forecast, in the order of the answer."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"symbols": ["AAPL", "KO"]}]})

    symbols: list[str] = Field(min_length=1, description=f"Up to {MAX_SYMBOLS:,} symbols")


class SymbolError(Schema):
    """Why one symbol of several has no forecast."""

    symbol: str
    code: str
    detail: str


class Predictions(Schema):
    """The forecasts in the order asked, and the symbols that have none."""

    predictions: list[Prediction]
    errors: list[SymbolError]


class LedgerEntry(ForecastSchema):
    """A forecast as it was kept, and its score once its close is known."""

    quantiles: tuple[Price, ...]
    sigma: float
    feature_fingerprint: str
    source: str
    fetched_at: Instant
    origin: str
    made_at: Instant
    score: Score | None

    @classmethod
    def of_entry(cls, entry: Entry) -> Self:
        """Build it from what the ledger holds."""
        return cls.of_forecast(entry.forecast, score=entry.score)

    def flat(self) -> dict[str, Any]:
        """Return it as a row of a table: its bands by level, the model's and the score's fields after their names."""
        row = self.model_dump(mode="json", exclude={"quantiles"})
        bands, model, score = row.pop("intervals"), row.pop("model"), row.pop("score") or {}
        row |= {f"{side}_{one['level'] * 100:.0f}": one[side] for one in bands for side in _SIDES}
        row |= {f"model_{name}": value for name, value in model.items()}
        return row | {f"score_{name}": score.get(name) for name in _SCORED}


_SIDES: Final = ("lower", "upper")
_SCORED: Final = tuple(name for name, one in Score.model_fields.items() if not one.exclude)
COLUMNS: Final = (
    *(name for name in LedgerEntry.model_fields if name not in {"intervals", "quantiles", "model", "score"}),
    *(f"{side}_{level * 100:.0f}" for level in INTERVALS for side in _SIDES),
    *(f"model_{name}" for name in UsedModel.model_fields),
    *(f"score_{name}" for name in _SCORED),
)
"""The columns of a table of ledger entries."""
