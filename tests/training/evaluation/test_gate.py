"""What a verdict may say: only what its interval shows."""

from dataclasses import replace

import numpy as np
import pytest

from app.training.evaluation import gate
from app.training.evaluation.metrics import ScoredRows
from tests.training.evaluation.test_metrics import scored

NOTHING = gate.Claim(1.0, 1.0, 1.0, 259)


def losing(mean: float, spread: float) -> ScoredRows:
    """Rows of 400 sessions whose CRPS is so many times the random walk's, give or take."""
    rows = scored(days=400)
    noise = np.random.default_rng(6).standard_normal(400)
    session = mean + spread * (noise - noise.mean())
    return replace(rows, crps=np.repeat(session, 4), crps_base=np.ones(1600))


@pytest.mark.parametrize(
    ("mean", "spread", "said"),
    [
        (0.971, 0.05, "intervals 2.9 % sharper than history"),
        (0.997, 0.25, "intervals not shown sharper than history"),
        (1.003, 0.25, "intervals not shown sharper than history"),
        (1.04, 0.05, "intervals 4.0 % less sharp than history"),
        (1.0, 0.0, "intervals not shown sharper than history"),
    ],
)
def test_sharper_is_said_where_the_interval_says_so(mean: float, spread: float, said: str) -> None:
    """The 95 % interval of the CRPS skill lies on one side of zero, or nothing is claimed."""
    assert gate.verdict(losing(mean, spread), NOTHING) == f"no point skill shown; {said}"


def test_a_market_that_stood_still_shows_nothing() -> None:
    """Without a loss of the random walk there is nothing to compare with."""
    rows = replace(losing(1.0, 0.0), crps_base=np.zeros(1600))
    assert gate.verdict(rows, NOTHING).endswith(gate.UNDECIDED)


def test_point_skill_is_reported_with_its_size() -> None:
    """A claim whose interval lies below 1."""
    made = gate.Claim(0.996, 0.993, 0.999, 259)
    assert gate.verdict(losing(0.971, 0.05), made).startswith("point error 0.4 % below the random walk's; ")
