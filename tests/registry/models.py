"""Models made by hand for the tests of this room."""

from dataclasses import replace
from datetime import UTC, date, datetime

from app.registry.versions import artefact
from app.registry.versions.card import LocationCard, Metrics, ModelCard, ScaleCard, Score, ShapeCard
from app.registry.versions.model import Model
from app.registry.versions.pipeline import Pipeline


def versioned(pipeline: Pipeline, name: str, version: str = "20171013-0a1b2c3d") -> Model:
    """Give a pipeline a card."""
    score = Score(n=10, sessions=5, crps=0.01, crps_skill=0.02)
    card = ModelCard(
        version=version,
        name=name,
        created_at=datetime(2017, 10, 14, 1, 2, 3, tzinfo=UTC),
        trained_from=date(2015, 4, 9),
        trained_through=date(2017, 10, 13),
        symbols=("AAA", "BBB", "CCC", "DDD"),
        features=pipeline.features,
        lookback=pipeline.lookback,
        feature_fingerprint="f" * 64,
        dataset_fingerprint="d" * 64,
        location=LocationCard(kind="linear", shrinkage=pipeline.shrinkage),
        scale=ScaleCard(kind="loglinear"),
        shape=ShapeCard(kind="pooled"),
        metrics=Metrics(overall=score, by_year={"2017": score}),
        verdict="no point skill shown; intervals 2.0 % sharper than history",
        tries=9,
        files=artefact.fingerprint(artefact.model_files(pipeline)),
    )
    return Model(card, pipeline)


def another(model: Model, version: str, shrinkage: float = 0.25) -> Model:
    """Return a model that differs in its trust alone."""
    return versioned(replace(model.pipeline, shrinkage=shrinkage), "ridge", version)
