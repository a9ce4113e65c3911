"""What a version makes of its features is what its artefact holds."""

from dataclasses import replace

import pytest

from app.registry.components.location import SumLocation, TreeLocation
from app.registry.components.scale import LogLinearScale
from app.registry.components.trees import Trees, forest_json
from app.registry.versions.importance import OWN, importance
from app.registry.versions.pipeline import Pipeline
from tests.forecasts import small
from tests.registry.components.test_trees import BY_LEVEL, booster

NAMES = ("ret_1", "ret_5", "rsi_14", "macd")


def trusted(pipeline: Pipeline, *trees: Trees) -> Pipeline:
    """Return a pipeline whose location is grown."""
    parts = tuple(TreeLocation(NAMES, one) for one in trees)
    return replace(pipeline, location=parts[0] if len(parts) == 1 else SumLocation(parts, (0.5,) * len(parts)))


def test_weights_are_those_of_the_model() -> None:
    """Signed, per part, the largest first, shares of one; the feature that log sigma follows weighs that more."""
    pipeline = small.model().pipeline
    scale = pipeline.base_scale
    assert isinstance(scale, LogLinearScale)
    assert scale.offset == "range_22"
    scale = replace(scale, weights=(0.3, -0.1, 0.2, 0.0), mean=(0.0, 1.0, 1.0, 0.0), spread=(1.0, 2.0, 0.5, 1.0))
    found = importance(replace(pipeline, scale=scale))
    by_name = {one.feature: one for one in found if one.part == "scale"}
    weights = dict(zip(scale.features, scale.weights, strict=True))
    followed = scale.spread[scale.features.index("range_22")]
    assert by_name["range_22"].value == pytest.approx(weights["range_22"] + followed)
    assert (by_name["range_1"].value, by_name["range_1"].kind) == (0.3, "per unit")
    assert {one.kind for name, one in by_name.items() if name != "range_1"} <= {"weight", "per unit"}
    assert [one.feature for one in found if one.part == "location"] == ["ret_5"]
    for part in ("scale", "location"):
        shares = [one.share for one in found if one.part == part]
        assert sum(shares) == pytest.approx(1.0)
        assert shares == sorted(shares, reverse=True)


def test_gains_are_xgboosts_own() -> None:
    """Summed over all splits on a feature, as the library itself counts them."""
    grown, _ = booster()
    trees = Trees.read("some", bytes(grown.save_raw("json")))
    found = {one.feature: one for one in importance(trusted(small.model().pipeline, trees)) if one.part == "location"}
    expected = grown.get_score(importance_type="total_gain")
    assert isinstance(expected, dict)
    names = dict(zip((f"f{at}" for at in range(5)), (*NAMES, OWN), strict=True))
    assert {name: one.value for name, one in found.items()} == pytest.approx(
        {names[key]: value for key, value in expected.items()}, rel=1e-4
    )
    assert {one.kind for one in found.values()} == {"gain"}


def test_trees_without_gains_are_counted_by_splits() -> None:
    """Each set is a part of its own; what isn't trusted is no part."""
    trees = Trees.read("stumps", forest_json(0.0, [BY_LEVEL, BY_LEVEL]))
    pipeline = trusted(small.model().pipeline, trees, trees)
    found = [one for one in importance(pipeline) if one.part != "scale"]
    assert {(one.part, one.feature, one.kind, one.value) for one in found} == {
        ("location: trees", NAMES[1], "splits", 2.0)
    }
    assert all(one.part == "scale" for one in importance(replace(pipeline, shrinkage=0.0)))
