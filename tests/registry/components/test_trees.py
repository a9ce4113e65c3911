"""Trees read from XGBoost's JSON say what XGBoost says, and know the symbol by its level."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import xgboost

from app.registry.components.location import TreeLocation
from app.registry.components.scale import CorrectedScale, LogLinearScale
from app.registry.components.trees import Trees, forest_json
from app.registry.versions import artefact
from app.registry.versions.model import Model
from app.registry.versions.pipeline import Pipeline
from tests.registry.models import versioned

BY_LEVEL = {
    "left_children": [1, -1, -1],
    "right_children": [2, -1, -1],
    "split_indices": [1, 0, 0],
    "split_conditions": [0.05, -0.2, 0.3],
    "default_left": [1, 0, 0],
}
"""A stump on what stands after the one feature, the symbol's level: -0.2 where it is below 0.05, else 0.3."""
LEVELS_OF = {"BBB": 0.1, "CCC": -0.1, "ZZZ": 0.7}


def booster(**settings: object) -> tuple[xgboost.Booster, np.ndarray]:
    """Grow a few trees on rows with gaps."""
    rng = np.random.default_rng(4)
    rows = rng.standard_normal((800, 5)).astype(np.float32)
    rows[rng.uniform(size=rows.shape) < 0.1] = np.nan
    target = np.nan_to_num(rows[:, 0]) * 0.3 + rng.standard_normal(800)
    matrix = xgboost.DMatrix(rows, label=target)
    return xgboost.train({"nthread": 1, "max_depth": 4, "seed": 1, **settings}, matrix, 12), rows


@pytest.mark.parametrize("settings", [{}, {"num_parallel_tree": 5}, {"base_score": 0.25}, {"max_depth": 1}])
def test_agrees_with_xgboost(settings: dict[str, object]) -> None:
    """Boosted, bagged, stumps, with missing values: the same leaves, summed in double precision."""
    grown, rows = booster(**settings)
    read = Trees.read("some", bytes(grown.save_raw("json")))
    expected = grown.predict(xgboost.DMatrix(rows))
    found = read.predict([rows[:, at].astype(np.float64) for at in range(5)])
    assert found == pytest.approx(expected, abs=2e-6)


def test_a_row_alone_gets_the_same_bits() -> None:
    """What stands beside a row changes nothing."""
    grown, rows = booster()
    read = Trees.read("some", bytes(grown.save_raw("json")))
    whole = read.predict([rows[:, at].astype(np.float64) for at in range(5)])
    alone = read.predict([rows[17:18, at].astype(np.float64) for at in range(5)])
    assert alone[0] == whole[17]


def test_a_linear_booster_is_refused() -> None:
    """Only trees can be walked."""
    grown, _ = booster()
    source = bytes(grown.save_raw("json")).replace(b'"gbtree"', b'"gblinear"')
    with pytest.raises(ValueError, match="not trees"):
        Trees.read("some", source)


def knowing_symbols(model: Model) -> Pipeline:
    """Return the model's pipeline with trees that read the symbol's level, on its scale and as its location."""
    assert isinstance(model.pipeline.scale, LogLinearScale)
    stump = forest_json(0.0, [BY_LEVEL])
    own = {"symbols": tuple(LEVELS_OF), "levels": tuple(LEVELS_OF.values())}
    scale = CorrectedScale(model.pipeline.scale, ("rank_ret_1",), (Trees.read("scale_forest", stump),), 0.5, **own)
    location = TreeLocation(("rank_ret_1",), Trees.read("forest", stump), **own)
    return replace(model.pipeline, scale=scale, location=location, shrinkage=1.0)


def test_trees_know_a_symbol_by_its_level_and_a_stranger_by_the_pooled_one(
    features: pl.DataFrame, model: Model
) -> None:
    """In the scale and in the location; a symbol that they weren't grown with stands where a level of 0 does."""
    plain = replace(model.pipeline, shrinkage=0.0).forecast(features)
    found = (
        knowing_symbols(model)
        .forecast(features)
        .with_columns(step=(pl.col("sigma") / plain["sigma"]).log(), moved=pl.col("return_log") / pl.col("sigma"))
    )
    leaf = {"AAA": -0.2, "BBB": 0.3, "CCC": -0.2, "DDD": -0.2}
    for symbol, one in leaf.items():
        rows = found.filter(pl.col("symbol") == symbol)
        assert rows["step"].to_numpy() == pytest.approx(0.5 * one, abs=1e-6)
        assert rows["moved"].to_numpy() == pytest.approx(one, abs=1e-6)


def test_what_trees_know_of_symbols_comes_back_from_disk(features: pl.DataFrame, model: Model, tmp_path: Path) -> None:
    """And an artefact that was written before trees knew symbols is read as one that knows none."""
    kept = versioned(knowing_symbols(model), "random_forest")
    artefact.save(kept, tmp_path / kept.card.version)
    loaded = artefact.load(tmp_path / kept.card.version).pipeline
    assert loaded.forecast(features).equals(kept.pipeline.forecast(features))
    values, trees = kept.pipeline.as_dict(), {"forest": loaded.location.trees, "scale_forest": loaded.scale.trees[0]}
    for part in ("scale", "location"):
        del values[part]["symbols"], values[part]["levels"]
    older = Pipeline.from_dict(values, trees)
    assert older.location.symbols == older.scale.symbols == ()
    alone = older.forecast(features.filter(pl.col("symbol") == "BBB"), state=older.state(features))
    assert (alone["return_log"] / alone["sigma"]).to_numpy() == pytest.approx(-0.2, abs=1e-6)
