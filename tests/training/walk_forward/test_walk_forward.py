"""Walking forward: later data changes nothing, and every candidate is judged on the same rows."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from app.registry.components.levels import LEVELS
from app.training.data.candidates import BASELINES, CANDIDATES
from app.training.data.dataset import prepare
from app.training.data.folds import folds
from app.training.evaluation.gate import Claim, claim, verdict
from app.training.walk_forward.walk_forward import FoldForecast, WalkForward
from tests.training.walked import Walked


def test_dropping_later_bars_changes_no_forecast_before(bars: pl.DataFrame, walked: Walked) -> None:
    """Fitted again on bars cut in the middle of a fold, every candidate forecasts the same to the bit."""
    cut = prepare(bars.filter(pl.col("session") <= date(2012, 4, 20)))
    again: list[FoldForecast] = []
    WalkForward(cut, folds(cut)).run(again.append)
    assert len(again) > 2 * len(CANDIDATES)
    for short, whole in zip(again, walked.made, strict=False):
        size = len(cut.panel.days)
        kept = walked.dataset.panel.day[whole.computed.rows] < size
        assert short.name == whole.name
        assert np.array_equal(short.computed.quantiles, whole.computed.quantiles[kept])
        assert np.array_equal(short.computed.sigma, whole.computed.sigma[kept])


def test_every_candidate_is_judged_on_the_same_rows(walked: Walked) -> None:
    """Baselines included: a table that compares different rows is a defect."""
    assert set(BASELINES) < set(walked.evaluator.names) == {one.name for one in CANDIDATES}
    sizes = {len(walked.evaluator.rows(name)) for name in walked.evaluator.names}
    assert len(sizes) == 1
    assert sizes.pop() > 500


def test_quantiles_never_cross(walked: Walked) -> None:
    """All 21, of every forecast of every candidate."""
    for made in walked.made:
        assert np.all(np.diff(made.computed.quantiles, axis=1) >= 0)


def test_the_random_walk_says_the_last_close_and_its_own_history(walked: Walked) -> None:
    """Its median return is the history's, its point forecast is zero, and its skill against itself too."""
    metrics = walked.evaluator.metrics("random_walk")
    assert metrics.overall.mae_ratio == 1.0
    assert metrics.overall.crps_skill == 0.0
    made = next(one for one in walked.made if one.name == "random_walk")
    row = made.computed.rows[0]
    last = walked.dataset.panel.realised[row - 249 : row + 1]
    assert made.computed.quantiles[0] == pytest.approx(np.quantile(last, LEVELS))


def test_parts_add_up_to_the_whole(walked: Walked) -> None:
    """Years, folds, terciles and symbols each split the same rows."""
    metrics = walked.evaluator.metrics("volatility")
    for part in (metrics.by_year, metrics.by_fold, metrics.by_tercile, metrics.by_symbol):
        assert sum(score.n for score in part.values()) == metrics.overall.n
    assert sum(metrics.pit) == pytest.approx(1.0)


def test_no_claim_without_an_edge(walked: Walked) -> None:
    """On a market without an edge the verdict says so, for every candidate."""
    for name in walked.evaluator.names:
        rows = walked.evaluator.rows(name)
        assert verdict(rows, claim(rows, 9)).startswith("no point skill shown; intervals ")


def test_the_verdict_claims_only_what_its_interval_says(walked: Walked) -> None:
    """An interval below one is a claim; one that touches it isn't."""
    rows = walked.evaluator.rows("random_walk")
    assert verdict(rows, Claim(0.99, 0.985, 0.995, 9)).startswith("point error 1 % below the random walk's; ")
    assert not Claim(0.99, 0.98, 1.0, 9).point_skill
