"""The API's shapes: snake_case, instants in UTC with a Z, sessions as dates, null where a number isn't known."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from app.web.edge import formats

Instant = Annotated[datetime, PlainSerializer(formats.iso, return_type=str)]
Number = Annotated[
    float | None,
    PlainSerializer(lambda value: value if value is not None and math.isfinite(value) else None, float | None),
]
MAX_SYMBOLS = 1000


class Schema(BaseModel):
    """What all shapes share; `from_attributes` reads our frozen dataclasses."""

    model_config = ConfigDict(from_attributes=True, protected_namespaces=())


class Interval(Schema):
    """The close lies in [lower, upper] with probability `level`."""

    level: float
    lower: Number
    upper: Number


class UsedModel(Schema):
    """The model behind a forecast."""

    name: str
    version: str
    trained_through: date
    verdict: str


class UsedData(Schema):
    """The prices behind a forecast, and how old they are."""

    source: str
    fetched_at: Instant
    sessions_behind: int
    stale: bool


class Told(Schema):
    """What a forecast says, whenever it is told."""

    prediction_id: str
    symbol: str
    as_of: date
    target_session: date
    target_close_at: Instant
    last_close: Number
    predicted_close: Number
    predicted_return: Number
    prob_up: Number
    intervals: list[Interval]
    model: UsedModel


class Prediction(Told):
    """The forecast of the first session after the last final bar."""

    data: UsedData


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


class SymbolInfo(Schema):
    """One stored symbol: what is known of it, and how its last refresh went."""

    symbol: str
    name: str | None
    exchange: str
    currency: str | None
    watched: bool
    first: date | None
    last: date | None
    bars: int
    source: str | None
    fetched_at: Instant | None
    refreshed_at: Instant | None
    outcome: str | None
    error: str | None


class Symbols(Schema):
    """All stored symbols, by name."""

    symbols: list[SymbolInfo]


class Bar(Schema):
    """One session's prices, split-adjusted."""

    session: date
    open: Number
    high: Number
    low: Number
    close: Number
    volume: int
    adj_close: Number


class Prices(Schema):
    """A symbol's stored bars, oldest first, with their source and age."""

    symbol: str
    source: str | None
    fetched_at: Instant | None
    sessions_behind: int | None
    bars: list[Bar]


class Indicators(Schema):
    """A symbol's technical indicators, oldest first; each row has `session` and one number per name in `columns`."""

    symbol: str
    source: str | None
    fetched_at: Instant | None
    columns: list[str]
    rows: list[dict[str, Any]]


class ScoreOut(Schema):
    """How a forecast came out."""

    realised_close: Number
    realised_return: Number
    abs_error: Number
    abs_error_random_walk: Number
    hit_direction: bool | None
    hit_50: bool
    hit_80: bool
    hit_95: bool
    crps: Number
    crps_random_walk: Number
    pit: Number
    scored_at: Instant


class LedgerEntry(Told):
    """A forecast as it was kept, and its score once its close is known."""

    quantiles: list[Number]
    sigma: Number
    feature_fingerprint: str
    source: str
    fetched_at: Instant
    origin: str
    made_at: Instant
    score: ScoreOut | None


class Ledger(Schema):
    """A page of the ledger, newest first; `cursor` asks for the next one."""

    forecasts: list[LedgerEntry]
    cursor: str | None


class Estimate(Schema):
    """A figure and its 95 % interval."""

    value: Number
    lower: Number
    upper: Number


class Direction(Schema):
    """How often the side taken was right, beside how often "up" would have been."""

    n: int
    hit_rate: Estimate
    base_rate: Number


class Coverage(Schema):
    """How often the close fell into the interval; `group` is `all` or a volatility tercile."""

    level: float
    group: str
    n: int
    share: Estimate


class TrackRecord(Schema):
    """What the ledger's scores add up to, beside the random walk on the same rows."""

    symbol: str | None
    model: str | None
    days: int | None
    n: int
    live: int
    replay: int
    pending: int
    first_target: date | None
    last_target: date | None
    mae: Number
    mae_ratio: Estimate
    crps_skill: Estimate
    direction: Direction
    coverage: list[Coverage]


class ModelBrief(Schema):
    """One stored version."""

    version: str
    name: str
    champion: bool
    created_at: Instant
    trained_from: date
    trained_through: date
    symbols: int
    features: int
    verdict: str
    metrics: dict[str, Any]


class Decision(Schema):
    """A promotion, a refusal or a rollback, with the evidence it was made on."""

    kind: str
    version: str
    previous_version: str | None
    reason: str
    evidence: dict[str, Any]
    decided_at: Instant


class Models(Schema):
    """The stored versions and the decisions, newest first; `candidates` is the table of the champion's contest."""

    champion: str | None
    models: list[ModelBrief]
    candidates: list[dict[str, Any]]
    decisions: list[Decision]


class ModelDetail(Schema):
    """One version's card as it lies beside its files, and every decision about it."""

    champion: bool
    card: dict[str, Any]
    decisions: list[Decision]


class Job(Schema):
    """One run of a job."""

    id: str
    kind: str
    trigger: str
    state: str
    progress: float
    message: str
    started_at: Instant
    ended_at: Instant | None
    outcome: dict[str, Any] | None


class Jobs(Schema):
    """The newest runs, newest first."""

    jobs: list[Job]


class Watched(Schema):
    """Where a symbol stands after a change of the watchlist."""

    symbol: str
    watched: bool


class Promoted(Schema):
    """The version that is served from now on."""

    champion: str
    reason: str


class Reason(BaseModel):
    """Why a person moves the champion; kept with the decision."""

    reason: str = Field("", max_length=500)
