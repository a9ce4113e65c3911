"""A model is a pipeline with a name and a history: the one piece of code that folds, backtest and serving share."""

from __future__ import annotations

from dataclasses import dataclass

from app.registry.versions.card import ModelCard
from app.registry.versions.pipeline import Pipeline


@dataclass(frozen=True)
class Model:
    """A version that can be served: its card, and the pipeline that makes its forecasts."""

    card: ModelCard
    pipeline: Pipeline
