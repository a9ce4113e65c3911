"""What a card says of its model's parts."""

from dataclasses import replace

import pytest

from app.registry.components.location import SumLocation
from app.training.contest import report
from app.training.contest.report import Contestant
from tests.training.contest.test_contest import CLOCK
from tests.training.walked import Walked


def combination(walked: Walked, weights: tuple[float, ...]) -> Contestant:
    """Return the combination with its parts weighted so."""
    candidate = next(one for one in walked.walk.candidates if one.parts)
    pipeline = walked.walk.fitted[candidate.name]
    assert isinstance(pipeline.location, SumLocation)
    location = replace(pipeline.location, weights=weights)
    judged, trail = walked.evaluator.metrics(candidate.name), walked.walk.out_of_fold[candidate.name]
    return Contestant(candidate, replace(pipeline, location=location), judged, trail)


@pytest.mark.parametrize(
    ("weights", "trust"), [((0.0, 0.0, 0.0, 0.0), 0.0), ((0.5, 0.1, 0.0, 0.0), 0.3), ((1.0, 1 / 3, 1 / 3, 1 / 3), 1.0)]
)
def test_a_combination_says_how_far_its_parts_are_trusted(
    walked: Walked, weights: tuple[float, ...], trust: float
) -> None:
    """Shares of 1 and three thirds: their mean trust is the sum of the weights over 2, in the card and in MLflow."""
    made = combination(walked, weights)
    card = report.model_of(made, walked.dataset, "no point skill shown", 9, 63, CLOCK.now()).card
    assert card.location.shrinkage == pytest.approx(trust)
    named = dict(zip(("reversal", "ridge", "random_forest", "xgboost"), weights, strict=True))
    assert card.location.coefficients == named
    assert report.child_run(made).params["shrinkage"] == card.location.shrinkage


def test_a_run_keeps_the_new_figures(walked: Walked) -> None:
    """Brier, ICIR and the tests of the intervals reach MLflow beside the rest."""
    candidate = next(one for one in walked.walk.candidates if one.name == "ridge")
    fitted, trail = walked.walk.fitted[candidate.name], walked.walk.out_of_fold[candidate.name]
    logged = report.child_run(Contestant(candidate, fitted, walked.evaluator.metrics(candidate.name), trail)).metrics
    assert {"hit", "brier", "kupiec_80", "christoffersen_80", "crps_skill_low"} <= set(logged)
    assert 0.2 < logged["brier"] < 0.3
