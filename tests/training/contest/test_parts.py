"""What is kept of a contest's candidates by part is what their metrics say, and each fold's skill has an interval."""

import json

from app.training.contest.parts import FIGURES, PARTS, parts
from tests.training.walked import Walked


def test_parts_say_what_the_metrics_say(walked: Walked) -> None:
    """Every candidate, every piece, in one order; the weeks are the same for all."""
    metrics = {name: walked.evaluator.metrics(name) for name in walked.evaluator.names}
    kept = json.loads(json.dumps(parts(metrics), allow_nan=False))
    assert set(kept) == {*PARTS, "week"}
    for part in PARTS:
        for name, one in metrics.items():
            scores = getattr(one, f"by_{part}")
            assert kept[part]["keys"] == (["low", "middle", "high"] if part == "tercile" else sorted(scores))
            for figure in FIGURES:
                expected = [getattr(scores[key], figure) for key in kept[part]["keys"]]
                found = kept[part]["candidates"][name][figure]
                assert found == [round(value, 6) if isinstance(value, float) else value for value in expected]
    week, own = kept["week"], metrics["ewma"].by_week
    assert week["keys"] == list(own)
    assert week["candidates"]["ewma"] == [loss.crps for loss in own.values()]
    assert week["random_walk"] == week["candidates"]["random_walk"]


def test_each_folds_skill_lies_in_its_interval(walked: Walked) -> None:
    """The random walk's own is zero, without any width."""
    for score in walked.evaluator.metrics("ewma").by_fold.values():
        assert score.crps_skill is not None
        assert score.crps_skill_low is not None
        assert score.crps_skill_high is not None
        assert score.crps_skill_low <= score.crps_skill <= score.crps_skill_high
    for score in walked.evaluator.metrics("random_walk").by_fold.values():
        assert (score.crps_skill_low, score.crps_skill_high) == (0.0, 0.0)
