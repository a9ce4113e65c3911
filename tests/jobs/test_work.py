"""What a job says when a part of it can't be done."""

from typing import Any

import pytest

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import CheckFailed
from app.core.progress import silent
from app.core.settings import Settings
from app.jobs import work
from app.prices.refresh import first_run


def test_a_first_run_says_why_its_winner_is_not_served(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its message is the contest's reason, not that nothing was trained."""
    trained: dict[str, Any] = {"winner": "ewma", "promoted": False, "reason": "leakage fails"}
    monkeypatch.setattr(first_run, "find_prices", lambda *_: "sample")
    monkeypatch.setattr(work, "train", lambda *_: trained)
    with pytest.raises(CheckFailed, match="ewma was trained, and isn't served: leakage fails"):
        work.first_run(settings, database, Clock(), silent)
