"""What a model does on sessions that trade results: a shape of its own, and nothing learnt of regime."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from app.registry.components.adaptation import Adaptation
from app.registry.components.levels import LEVELS
from app.registry.components.panel import Panel
from app.registry.components.scale import CorrectedScale, LogLinearScale
from app.registry.components.shape import EventShape, PooledShape
from app.registry.components.trees import Trees, forest_json
from app.registry.versions import artefact
from app.registry.versions.model import Model
from app.registry.versions.pipeline import Pipeline
from tests.registry.models import versioned

NARROW, WIDE = (tuple(width * (level - 0.5) for level in LEVELS) for width in (2.0, 4.0))
STEP = {
    "left_children": [1, -1, -1],
    "right_children": [2, -1, -1],
    "split_indices": [0, 0, 0],
    "split_conditions": [0.0, -0.2, 0.3],
    "default_left": [1, 0, 0],
}
"""A stump: -0.2 where the feature is below 0 or missing, else 0.3."""


def with_event(features: pl.DataFrame, session: object, symbol: str = "BBB") -> pl.DataFrame:
    """Let a symbol's target after the session be an event's."""
    there = (pl.col("session") == session) & (pl.col("symbol") == symbol)
    return features.with_columns(earnings_day=pl.when(there).then(0.5).otherwise(pl.col("earnings_day")))


def corrected(model: Model) -> Pipeline:
    """Return the model's pipeline with trees on its scale."""
    assert isinstance(model.pipeline.scale, LogLinearScale)
    trees = Trees.read("scale_forest", forest_json(0.1, [STEP, STEP]))
    return replace(model.pipeline, scale=CorrectedScale(model.pipeline.scale, ("rank_ret_1",), (trees,), 0.5))


def test_an_event_has_its_own_shape(features: pl.DataFrame, model: Model) -> None:
    """Twice as wide there, and everywhere else as it was."""
    day = features["session"].unique().sort()[-1]
    shape = EventShape(PooledShape(NARROW, 900), PooledShape(WIDE, 300))
    plain = replace(model.pipeline, shape=PooledShape(NARROW, 900), shrinkage=0.0)
    whole = plain.forecast(with_event(features, day))
    by_kind = replace(plain, shape=shape).forecast(with_event(features, day))
    assert by_kind.filter(pl.col("is_event")).select("symbol", "session").rows() == [("BBB", day)]
    assert by_kind.filter(~pl.col("is_event")).equals(whole.filter(~pl.col("is_event")))
    ratio = by_kind.filter("is_event")["q025"].item() / whole.filter("is_event")["q025"].item()
    assert ratio == pytest.approx(2.0)


def test_the_level_learns_nothing_from_an_event(features: pl.DataFrame, model: Model) -> None:
    """A move on an event session leaves the level as if the symbol hadn't traded; another symbol's moves it."""
    days = features["session"].unique().sort()
    jumped = features.with_columns(
        close=pl.when((pl.col("symbol") == "BBB") & (pl.col("session") >= days[-1]))
        .then(pl.col("close") * 1.5)
        .otherwise(pl.col("close"))
    )
    learning = replace(model.pipeline, adaptation=Adaptation(gain=0.015, skips_events=True))
    newest = pl.col("session") == days[-1]
    event, jump = (
        learning.state(with_event(one, days[-2])).filter(newest)["level"].item() for one in (features, jumped)
    )
    assert event == jump
    assert (
        learning.state(jumped).filter(newest)["level"].item() > learning.state(features).filter(newest)["level"].item()
    )
    assert "earnings_day" in learning.features


def test_trees_correct_the_log_of_sigma(features: pl.DataFrame, model: Model) -> None:
    """Base and leaves of both trees, half of it, on the scale that the level is learnt with."""
    pipeline = corrected(model)
    plain, changed = model.pipeline.forecast(features), pipeline.forecast(features)
    rank = features.filter("warm")["rank_ret_1"].to_numpy()
    expected = 0.5 * (0.1 + 2 * np.where(rank < 0.0, -0.2, 0.3))
    assert np.log((changed["sigma"] / plain["sigma"]).to_numpy()) == pytest.approx(expected, abs=1e-6)
    assert pipeline.state(features).equals(model.pipeline.state(features))


def test_a_corrected_scale_is_the_same_alone_and_later(features: pl.DataFrame, model: Model) -> None:
    """From the last sessions, and for one symbol with the market's state, to the bit."""
    pipeline = corrected(model)
    days = features["session"].unique().sort()
    whole = pipeline.forecast(features).filter(pl.col("session") == days[-1])
    assert pipeline.forecast(features, days[-3]).filter(pl.col("session") == days[-1]).equals(whole)
    alone = features.filter(pl.col("symbol") == "CCC")
    found = pipeline.forecast(alone, days[-1], pipeline.state(features))
    assert found.equals(whole.filter(pl.col("symbol") == "CCC"))


def test_a_symbol_adds_its_own_level_and_a_stranger_none(features: pl.DataFrame, model: Model) -> None:
    """By name, whoever else is in the frame."""
    scale = model.pipeline.scale
    assert isinstance(scale, LogLinearScale)
    own = replace(scale, symbols=("BBB", "ZZZ"), levels=(0.2, 0.7))
    panel = Panel(features)
    ratio = np.log(own.sigma(panel) / scale.sigma(panel))
    ratio, symbol = ratio[panel.row > 300], panel.names[panel.symbol][panel.row > 300]
    assert ratio[symbol == "BBB"] == pytest.approx(0.2)
    assert ratio[symbol != "BBB"] == pytest.approx(0.0)


def test_all_of_it_comes_back_from_disk(features: pl.DataFrame, model: Model, tmp_path: Path) -> None:
    """Plain JSON, each file's hash checked, the same forecasts to the bit."""
    folder = tmp_path
    pipeline = replace(
        corrected(model),
        shape=EventShape(PooledShape(NARROW, 900), PooledShape(WIDE, 300)),
        adaptation=Adaptation(gain=0.015, skips_events=True),
    )
    kept = versioned(pipeline, "random_forest")
    artefact.save(kept, folder / kept.card.version)
    assert "scale_forest.trees.json" in {path.name for path in (folder / kept.card.version).iterdir()}
    loaded = artefact.load(folder / kept.card.version)
    assert loaded.pipeline.forecast(features).equals(pipeline.forecast(features))
    assert loaded.pipeline.as_dict() == pipeline.as_dict()
