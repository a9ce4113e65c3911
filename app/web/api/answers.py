"""From what the rooms return to what the API answers."""

from __future__ import annotations

from typing import Any

from app.forecasts.forecast import Forecast, Freshness
from app.forecasts.ledger import Entry
from app.jobs.runs import JobRun
from app.registry.promotion.tables import DecisionRow
from app.registry.versions.card import ModelCard
from app.web.api import schemas


def prediction(forecast: Forecast, freshness: Freshness) -> schemas.Prediction:
    """Return a forecast with the age of its prices."""
    used = schemas.UsedData(
        source=forecast.source,
        fetched_at=forecast.fetched_at,
        sessions_behind=freshness.sessions_behind,
        stale=freshness.stale,
    )
    return schemas.Prediction(**_told(forecast), data=used)


def ledger_entry(entry: Entry) -> schemas.LedgerEntry:
    """Return a forecast as it was kept, and its score."""
    made = entry.forecast
    kept = ("sigma", "feature_fingerprint", "source", "fetched_at", "origin", "made_at")
    return schemas.LedgerEntry(
        **_told(made),
        **{name: getattr(made, name) for name in kept},
        quantiles=list(made.quantiles),
        score=None if entry.score is None else schemas.ScoreOut.model_validate(entry.score),
    )


def _told(forecast: Forecast) -> dict[str, Any]:
    same = ("symbol", "as_of", "target_session", "target_close_at", "last_close")
    says = ("predicted_close", "predicted_return", "prob_up")
    return {
        "prediction_id": forecast.id,
        **{name: getattr(forecast, name) for name in (*same, *says)},
        "intervals": [schemas.Interval.model_validate(interval) for interval in forecast.intervals()],
        "model": schemas.UsedModel(
            name=forecast.model_name,
            version=forecast.model_version,
            trained_through=forecast.trained_through,
            verdict=forecast.verdict,
        ),
    }


def model_brief(card: ModelCard, champion: str | None) -> schemas.ModelBrief:
    """Return one version in a line."""
    return schemas.ModelBrief(
        version=card.version,
        name=card.name,
        champion=card.version == champion,
        created_at=card.created_at,
        trained_from=card.trained_from,
        trained_through=card.trained_through,
        symbols=len(card.symbols),
        features=len(card.features),
        verdict=card.verdict,
        metrics=card.metrics.overall.model_dump(),
    )


def decision(row: DecisionRow, *, with_card: bool = True) -> schemas.Decision:
    """Return a decision with its evidence; the card in it is long, and lies at the version's own address too."""
    told = schemas.Decision.model_validate(row)
    if not with_card:
        told.evidence = {name: value for name, value in told.evidence.items() if name != "card"}
    return told


def job(run: JobRun) -> schemas.Job:
    """Return a run."""
    return schemas.Job.model_validate(run)
