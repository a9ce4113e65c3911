"""What looks ahead or is trusted for nothing is named.

That skill is found where it was planted and nowhere else is part of the flow's first day, whose winner is proved so.
"""

from functools import partial
from typing import Any

import numpy as np
import polars as pl
import pytest

from app.core.clock import Calendar
from app.features import frame
from app.registry.components.panel import Index
from app.registry.components.shape import Shape
from app.training.data.candidates import CANDIDATES
from app.training.data.dataset import Dataset, prepare
from app.training.fitting.calibration import pooled_shape
from app.training.proofs import leakage
from app.training.proofs import placebo as placebo_module
from app.training.proofs.placebo import placebo
from app.training.walk_forward import walk_forward
from app.training.walk_forward.walk_forward import WalkForward

AHEAD = 21


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Candidates without trees are enough to see what all share; and nothing here depends on a planted edge."""
    plain = tuple(one for one in CANDIDATES if one.name in {"random_walk", "volatility", "reversal", "ridge"})
    monkeypatch.setattr(placebo_module, "CANDIDATES", plain)
    monkeypatch.setattr(leakage, "CANDIDATES", plain)
    monkeypatch.setattr(placebo_module, "_PLANTED", (5, 1500))
    monkeypatch.setattr(placebo_module, "FOUND", 0.0)


def knowing(bars: pl.DataFrame, calendar: Calendar, **asked: Any) -> pl.DataFrame:
    """Build features of which one is noise with a correlation of 0.05 with the next return.

    No truncation sees it: as if a source's volume told a little of tomorrow.
    """
    made = frame.build(bars, calendar, **asked)
    if "volume_5" not in made.columns:
        return made
    following = pl.col("close").log().diff().shift(-1).over("symbol").fill_null(0.0)
    known = made.select(following / following.std()).to_series().to_numpy()
    noise = np.random.default_rng(1).standard_normal(len(known))
    return made.with_columns(volume_5=pl.Series(0.05 * known + np.sqrt(1.0 - 0.05**2) * noise))


@pytest.mark.usefixtures("few")
def test_a_feature_that_knows_a_little_of_tomorrow_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too little for a claim of point skill on a market of this size; far from nothing all the same."""
    monkeypatch.setattr(placebo_module, "prepare", partial(prepare, build=knowing))
    proof = placebo(markets=2)
    assert not proof.passed
    assert [line.split()[0] for line in proof.details if "knows the next return" in line] == ["volume_5"]
    assert "2 of 2 markets without an edge: no claim" in proof.details


@pytest.mark.usefixtures("few")
def test_learning_ahead_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels of the 21 sessions after a fold's start: what is fitted there changes when they are cut off."""

    def known(dataset: Dataset) -> Index:
        return np.searchsorted(dataset.panel.day[dataset.forward], dataset.settled + AHEAD)

    monkeypatch.setattr(Dataset, "known", property(known))
    proof = placebo(markets=1)
    assert not proof.passed
    assert proof.details[0].startswith("looks ahead: truncation: volatility.")


@pytest.mark.usefixtures("few")
def test_calibrating_ahead_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shape that has seen the residuals of its fold's first 21 sessions."""
    honest = WalkForward._shape

    def shape(walk: WalkForward, candidate: Any, fold: Any, past: Any) -> Shape:
        found = honest(walk, candidate, fold, past)
        day, sigma = walk.dataset.panel.day, walk._fits._sigma
        seen = (day >= fold.start - 250) & (day < fold.start + AHEAD) & np.isfinite(sigma)
        ahead = pooled_shape(walk.dataset.target[seen] / sigma[seen])
        return ahead if ahead and found is not walk_forward.UNCALIBRATED and candidate.shape == "pooled" else found

    monkeypatch.setattr(WalkForward, "_shape", shape)
    proof = placebo(markets=1)
    assert not proof.passed
    assert proof.details[0].startswith("looks ahead: truncation: volatility.")


@pytest.mark.usefixtures("few")
def test_trust_in_what_knows_nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A location that is always trusted whole is farther from the closes than the random walk."""
    monkeypatch.setattr(walk_forward, "shrinkage", lambda *_: 1.0)
    proof = placebo(markets=1)
    assert not proof.passed
    assert proof.details[0].startswith("reversal does harm on markets without an edge: MAE ratio 1.000")
