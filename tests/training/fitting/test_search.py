"""The search chooses what the window's own end says, from the window alone, and each value is a try."""

import numpy as np
import pytest

from app.core.clock import Clock
from app.training.contest import report
from app.training.contest.report import Contestant
from app.training.data.candidates import CANDIDATES
from app.training.data.folds import folds
from app.training.fitting.location import boosted
from app.training.fitting.search import FEWEST, GRIDS, Split, best_penalty, best_rounds, split, tried
from tests.training.walked import Walked

RNG = np.random.default_rng(5)
ROWS = RNG.standard_normal((12_000, 4))
NOISE = RNG.standard_normal(12_000)
HALVES = Split(slice(0, 6000), slice(6000, 12_000))


def test_every_value_of_a_grid_is_a_try() -> None:
    """Seven candidates without a grid, four penalties, three numbers of rounds."""
    assert len(CANDIDATES) == 9
    assert tried(CANDIDATES) == 14


def test_a_strong_signal_gets_the_lightest_penalty_and_noise_the_heaviest() -> None:
    """By the squared error on the rows held out; with nothing held out the usual value stands."""
    assert best_penalty(ROWS, ROWS[:, 0] + NOISE, HALVES) == 0.1
    assert best_penalty(ROWS, NOISE, HALVES) == 3.0
    assert best_penalty(ROWS, NOISE, None) == 0.3


def test_a_strong_signal_gets_the_most_rounds_and_noise_the_fewest() -> None:
    """The same for boosted trees."""
    rows = ROWS.astype(np.float32)
    assert best_rounds(rows, ROWS[:, 0] + NOISE, HALVES) == 120
    assert best_rounds(rows, NOISE, HALVES) == 30
    assert best_rounds(rows, NOISE, None) == 60


def test_a_booster_after_some_rounds_is_the_one_grown_so_far() -> None:
    """What the search judges after 30 of 120 rounds is what 30 rounds alone would have grown."""
    import xgboost

    rows = ROWS.astype(np.float32)
    held = xgboost.DMatrix(rows[6000:], nthread=1)
    most, few = (boosted(rows[:6000], NOISE[:6000], rounds) for rounds in (120, 30))
    assert np.array_equal(most.predict(held, iteration_range=(0, 30)), few.predict(held))


def test_what_is_held_out_is_later_than_what_is_fitted(walked: Walked) -> None:
    """The last third of a window's sessions, to its end; every label fitted on is known before the first of them."""
    dataset = walked.dataset
    window = slice(500, int(dataset.known[-1]))
    found = split(dataset, window)
    assert found is not None
    rows = dataset.forward[window]
    sessions = np.unique(dataset.panel.day[rows])
    held = dataset.panel.day[rows[found.held]]
    assert found.held.stop == len(rows)
    assert np.array_equal(np.unique(held), sessions[-(len(sessions) // 3) :])
    assert dataset.settled_on[rows[found.fitted]].max() < held.min()
    short = slice(0, int(np.searchsorted(dataset.panel.day[dataset.forward], sessions[0] + FEWEST - 200)))
    assert split(dataset, short) is None


def test_the_choice_is_on_the_card(walked: Walked) -> None:
    """The values that serve, a combination's by part; before there was anything to learn from, none."""
    out_of_fold = walked.walk.out_of_fold
    assert len(out_of_fold["ridge"].chosen) == len(folds(walked.dataset))
    assert out_of_fold["ridge"].chosen[0] == {}
    penalty, rounds = out_of_fold["ridge"].chosen[-1]["penalty_per_row"], out_of_fold["xgboost"].chosen[-1]["rounds"]
    assert penalty in GRIDS["ridge"].values
    assert rounds in GRIDS["xgboost"].values
    candidate = next(one for one in CANDIDATES if one.name == "combination")
    made = Contestant(
        candidate,
        walked.walk.fitted["combination"],
        walked.evaluator.metrics("combination"),
        out_of_fold["combination"],
    )
    card = report.model_of(made, walked.dataset, "no point skill shown", 14, 63, Clock().now()).card
    assert card.location.chosen == {"ridge_penalty_per_row": penalty, "xgboost_rounds": rounds}
    single = Contestant(
        CANDIDATES[5], walked.walk.fitted["ridge"], walked.evaluator.metrics("ridge"), out_of_fold["ridge"]
    )
    assert report.child_run(single).params["penalty_per_row"] == pytest.approx(penalty)
