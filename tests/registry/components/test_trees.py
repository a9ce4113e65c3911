"""Trees read from XGBoost's JSON say what XGBoost says."""

import numpy as np
import pytest
import xgboost

from app.registry.components.trees import Trees


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
