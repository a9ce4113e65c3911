"""MLflow that can't be reached, or that goes away, is one line."""

import os
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from app.core.errors import TrackingUnavailable
from app.core.settings import Settings
from app.registry.promotion.tracking import RunRecord, Tracker


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave the process's environment as it was."""
    before = dict(os.environ)
    yield
    for name in set(os.environ) - set(before):
        monkeypatch.delenv(name)


def tracker_at(tmp_path: Path, uri: str) -> Tracker:
    """Return a tracker of its own folder."""
    return Tracker(Settings(home=tmp_path, mlflow_uri=uri, _env_file=None))  # type: ignore[call-arg]


def test_a_server_that_is_not_there_is_reported_within_seconds(tmp_path: Path) -> None:
    """By its own default MLflow goes on asking for minutes."""
    begun = monotonic()
    with pytest.raises(TrackingUnavailable, match="training has not begun") as raised:
        tracker_at(tmp_path, "http://127.0.0.1:9").connect()
    assert monotonic() - begun < 20
    assert "\n" not in raised.value.detail


def test_a_store_that_goes_away_during_training_is_one_line(tmp_path: Path) -> None:
    """What fails after the start says what came of it."""
    tracker = tracker_at(tmp_path, f"sqlite:///{tmp_path / 'mlflow.db'}")
    tracker.connect()
    (tmp_path / "mlflow.db").write_bytes(b"no database" * 1000)
    with pytest.raises(TrackingUnavailable, match="nothing was promoted"):
        tracker.record(RunRecord("contest"), [])
