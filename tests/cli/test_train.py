"""What `nextclose train` says of a contest whose winner isn't served."""

import json

import pytest

from app.registry.versions.card import Score
from app.training.contest import contest
from app.training.contest.contest import ContestResult, ContestRow
from app.training.evaluation.selection import Standing
from tests.cli.conftest import Nextclose

REFUSED = ContestResult(
    rows=(ContestRow("ewma", Score(n=10, sessions=5, crps=0.01), 1.0, Standing("ewma", 0.01, 0.0, 0.0, "")),),
    winner="ewma",
    version="20211231-0a1b2c3d",
    promoted=False,
    verdict="no point skill shown",
    choice="ewma has the least CRPS, and no simpler candidate is within two errors of it",
    reason="leakage fails: a feature sees the future",
    tries=357,
    first_session="2019-01-02",
    last_session="2021-12-31",
    elapsed_s=1.0,
)


@pytest.fixture(autouse=True)
def _refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the contest answer so: its own tests let a proof fail."""
    monkeypatch.setattr(contest, "run_contest", lambda *_, **__: REFUSED)


def test_a_refused_first_winner_is_told_with_the_table(nextclose: Nextclose) -> None:
    """It ran and the answer is no: exit code 1, the table and the reason; not that no model was trained."""
    ran = nextclose("train")
    assert (ran.code, ran.err) == (1, "")
    assert "ewma" in ran.out
    assert f"{REFUSED.choice}.\n" in ran.out
    assert f"not promoted: {REFUSED.reason}" in ran.out
    assert "357 configurations tried: 9 in this contest, and 348 while its candidates were designed." in ran.out


def test_a_refused_first_winner_is_one_document(nextclose: Nextclose) -> None:
    """Nothing was forecast, and that isn't a number."""
    ran = nextclose("train", "--json")
    document = json.loads(ran.out)
    assert (ran.code, document["promoted"], document["forecasts_made"]) == (1, False, None)
