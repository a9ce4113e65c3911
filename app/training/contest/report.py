"""Writes down what a contest found: the winner's card, and the runs that MLflow keeps."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from importlib.metadata import version as installed
from typing import Any

from app.registry.components.location import LinearLocation, SumLocation, TreeLocation
from app.registry.components.scale import CorrectedScale, LogLinearScale
from app.registry.components.shape import EventShape, PooledShape
from app.registry.promotion.tracking import RunRecord
from app.registry.versions import artefact
from app.registry.versions.card import LocationCard, Metrics, ModelCard, ScaleCard, Score, ShapeCard
from app.registry.versions.model import Model
from app.registry.versions.pipeline import Pipeline
from app.training.contest import charts
from app.training.data.candidates import Candidate
from app.training.data.dataset import Dataset
from app.training.fitting.location import SETTINGS
from app.training.walk_forward.walk_forward import OutOfFold
from app.training.workers.program import LIBRARIES, code_fingerprint

_LOGGED = ("rows", "trained_from", "trained_through", "refit_every", "tries")


@dataclass(frozen=True)
class Contestant:
    """A candidate with what the contest learnt of it; `pipeline` is fitted on everything known."""

    candidate: Candidate
    pipeline: Pipeline
    metrics: Metrics
    out_of_fold: OutOfFold


def model_of(
    contestant: Contestant, dataset: Dataset, verdict: str, tries: int, refit_every: int, created_at: datetime
) -> Model:
    """Give a fitted pipeline its card and its version: the last session learnt from, and a hash of its numbers."""
    pipeline = contestant.pipeline
    files = artefact.fingerprint(artefact.model_files(pipeline))
    days = dataset.panel.days[dataset.panel.day[dataset.forward]]
    through = dataset.session(int(dataset.settled_on[dataset.forward].max()))
    card = ModelCard(
        version=version_of(pipeline, through),
        name=contestant.candidate.name,
        created_at=created_at,
        trained_from=days.min().item(),
        trained_through=through,
        symbols=tuple(str(name) for name in dataset.panel.names),
        features=pipeline.features,
        lookback=pipeline.lookback,
        feature_fingerprint=hashlib.sha256("\n".join(pipeline.features).encode()).hexdigest(),
        dataset_fingerprint=dataset.fingerprint,
        location=_location_card(contestant),
        scale=_scale_card(pipeline),
        shape=_shape_card(pipeline),
        metrics=contestant.metrics,
        verdict=verdict,
        tries=tries,
        rows=len(dataset.forward),
        refit_every=refit_every,
        files=files,
        libraries={name: installed(name) for name in (*LIBRARIES, "mlflow")},
    )
    return Model(card, pipeline)


def version_of(pipeline: Pipeline, through: date) -> str:
    """Return a version's name: the last session learnt from, and a hash of the numbers that make the forecast."""
    digests = artefact.fingerprint(artefact.model_files(pipeline))
    return f"{through:%Y%m%d}-{hashlib.sha256(''.join(digests.values()).encode()).hexdigest()[:8]}"


def _location_card(contestant: Contestant) -> LocationCard:
    location, candidate = contestant.pipeline.location, contestant.candidate
    weights: dict[str, float] = {}
    if isinstance(location, LinearLocation):
        weights = dict(zip(location.features, location.weights, strict=True))
    elif isinstance(location, SumLocation) and candidate.parts:
        weights = dict(zip((name for name, _ in candidate.parts), location.weights, strict=True))
    return LocationCard(
        kind=location.kind,
        features=location.features,
        shrinkage=trust(contestant),
        coefficients=weights,
        chosen=contestant.out_of_fold.chosen[-1],
        tree_levels=dict(zip(location.symbols, location.levels, strict=True))
        if isinstance(location, TreeLocation)
        else {},
    )


def trust(contestant: Contestant) -> float:
    """Return how far a candidate's location is trusted, in [0, 1].

    A combination's parts are trusted one by one: their mean, each counted by its share.
    """
    pipeline, parts = contestant.pipeline, contestant.candidate.parts
    if not parts or not isinstance(pipeline.location, SumLocation):
        return pipeline.shrinkage
    return pipeline.shrinkage * sum(pipeline.location.weights) / sum(share for _, share in parts)


def _scale_card(pipeline: Pipeline) -> ScaleCard:
    scale, base = pipeline.scale, pipeline.base_scale
    if not isinstance(base, LogLinearScale):
        return ScaleCard(kind=base.kind)
    corrected = scale if isinstance(scale, CorrectedScale) else None
    return ScaleCard(
        kind=scale.kind,
        coefficients={"(start)": base.start, **dict(zip(base.features, base.weights, strict=True))},
        degrees_of_freedom=base.degrees_of_freedom,
        levels=dict(zip(base.symbols, base.levels, strict=True)),
        corrections={one.name: corrected.weight for one in corrected.trees} if corrected else {},
        tree_levels=dict(zip(corrected.symbols, corrected.levels, strict=True)) if corrected else {},
    )


def _shape_card(pipeline: Pipeline) -> ShapeCard:
    shape = pipeline.shape
    if isinstance(shape, PooledShape):
        return ShapeCard(kind=shape.kind, z=shape.z, rows=shape.rows)
    if isinstance(shape, EventShape):
        usual, event = shape.usual, shape.event
        return ShapeCard(kind=shape.kind, z=usual.z, rows=usual.rows, event_z=event.z, event_rows=event.rows)
    return ShapeCard(kind=shape.kind)


def parent_run(training: str, card: ModelCard, ranked: Sequence[Contestant]) -> RunRecord:
    """Return the contest's own run: what it read, its winner's card, and the table."""
    names, scores = [one.candidate.name for one in ranked], [one.metrics.overall for one in ranked]
    return RunRecord(
        name=f"{training} {card.trained_through}",
        params={
            "dataset": card.dataset_fingerprint,
            "code": code_fingerprint(),
            "python": platform.python_version(),
            "symbols": len(card.symbols),
            **{name: getattr(card, name) for name in _LOGGED},
            **{f"library.{name}": number for name, number in card.libraries.items()},
        },
        metrics=numbers(card.metrics.overall),
        tags={"winner": card.name, "version": card.version, "verdict": card.verdict},
        files={**table_files(names, scores), "card.json": card.to_json()},
    )


def child_run(contestant: Contestant) -> RunRecord:
    """Return a candidate's run: its settings, its scores, and its scores fold by fold."""
    candidate, metrics = contestant.candidate, contestant.metrics
    params = {key: value for key, value in asdict(candidate).items() if value}
    parts = {"year": metrics.by_year, "tercile": metrics.by_tercile, "kind": metrics.by_kind}
    by_part = {
        f"{kind}_{name}.{key}": value
        for kind, scores in parts.items()
        for name, one in scores.items()
        for key, value in numbers(one).items()
    }
    chosen = contestant.out_of_fold.chosen
    trusts = [] if candidate.parts else [{"shrinkage": value} for value in contestant.out_of_fold.shrinkages]
    return RunRecord(
        name=candidate.name,
        params={**params, **SETTINGS.get(candidate.location, {}), **chosen[-1], "shrinkage": trust(contestant)},
        metrics={**numbers(metrics.overall), **by_part, "seconds": round(contestant.out_of_fold.seconds, 3)},
        steps=[numbers(one) for one in metrics.by_fold.values()],
        files={
            "metrics.json": _json(metrics.model_dump()),
            **({"shrinkage.json": _json(trusts)} if trusts else {}),
            **({"chosen.json": _json(chosen)} if any(chosen) else {}),
            **charts.of_candidate(metrics, contestant.pipeline),
        },
    )


def table_files(names: list[str], scores: list[Score]) -> dict[str, str]:
    """Return the contest's table as JSON and CSV."""
    rows = [{"name": name, **score.model_dump()} for name, score in zip(names, scores, strict=True)]
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return {"table.json": _json(rows), "table.csv": out.getvalue()}


def numbers(score: Score) -> dict[str, float]:
    """Return a score's figures that are known."""
    return {key: float(value) for key, value in score.model_dump().items() if value is not None}


def _json(values: Any) -> str:
    return json.dumps(values, indent=1, allow_nan=False) + "\n"
