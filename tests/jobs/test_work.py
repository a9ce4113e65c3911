"""What a job says when a part of it can't be done."""

from datetime import date
from typing import Any

import pytest

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import CheckFailed, NoChampion
from app.core.progress import silent
from app.core.settings import Settings
from app.jobs import work
from app.prices import store
from app.prices.refresh import first_run
from app.prices.sources import factory
from app.prices.sources.protocol import Limited
from app.registry.promotion import champion
from app.registry.promotion.proofs import OWED
from app.registry.versions import artefact
from app.training.contest.decision import Decision
from app.training.proofs.proof import Proof
from tests.forecasts import small
from tests.prices.market import SESSIONS, MarketWithEarnings, bars, evening


def test_a_first_run_says_why_its_winner_is_not_served(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its message is the contest's reason, not that nothing was trained."""
    trained: dict[str, Any] = {"winner": "ewma", "promoted": False, "reason": "leakage fails"}
    monkeypatch.setattr(first_run, "find_prices", lambda *_: "sample")
    monkeypatch.setattr(work, "train", lambda *_: trained)
    with pytest.raises(CheckFailed, match="ewma was trained, and isn't served: leakage fails"):
        work.first_run(settings, database, Clock(), silent)


def test_proofs_that_are_owed_settle_the_champion(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a champion there is nothing to prove; one that fails isn't served any more, and the job says so."""
    with pytest.raises(NoChampion, match="nobody is champion"):
        work.prove(settings, database, Clock(), silent)
    model = small.model()
    artefact.save(model, settings.models_dir / model.card.version)
    champion.promote(settings, database, model.card.version, "first", {OWED: True}, small.NOW)
    fails = Proof("leakage", passed=False, details=("volume_5 knows the future",), elapsed_s=1.0)
    monkeypatch.setattr(Decision, "_prove", lambda _, __: [fails])  # it has tests of its own, and takes a minute
    with pytest.raises(CheckFailed, match="isn't served any more: leakage fails: volume_5 knows the future"):
        work.prove(settings, database, Clock(), silent)
    assert champion.Champion(settings).current() is None


def test_a_refresh_brings_prices_then_series_and_earnings_days(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The evening's story: bars, the index beside them, the next results; what was lacking is told in the run."""
    days = {"KO": [(date(2020, 10, 22), "bmo"), (date(2021, 2, 10), "bmo")]}
    market = MarketWithEarnings({symbol: bars(symbol) for symbol in ("KO", "SPY", "^VIX")}, days=days)
    monkeypatch.setattr(factory, "open_source", lambda _: market)  # the only network there is to replace
    with database.write() as db:
        store.watch(db, ["KO", "SPY"], evening(SESSIONS[-1]))
    outcome = work.refresh(settings, database, Clock(evening(SESSIONS[-1])), silent)
    assert outcome["outcomes"] == {"updated": 2}
    assert outcome["beside"] == {
        "^VIX": {"outcome": "updated", "detail": ""},
        "earnings days": {"outcome": "updated", "detail": "lacking: SPY"},
    }
    assert [symbol for symbol, _ in market.asked][-1] == "^VIX"
    with database.read() as db:
        assert store.events(db)["date"].to_list() == [day for day, _ in days["KO"]]
        assert sorted(store.last_bars(db)) == ["KO", "SPY"]
    assert store.series(database).height == len(SESSIONS)


def test_a_refresh_without_earnings_days_is_a_refresh(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every page refused: prices are updated all the same, and the run says what it lacked."""
    refused = Limited("too many requests")
    market = MarketWithEarnings(
        {symbol: bars(symbol) for symbol in ("KO", "^VIX")},
        calendar_fault=lambda: refused,
        page_fault=lambda _: refused,
    )
    monkeypatch.setattr(factory, "open_source", lambda _: market)  # as above
    with database.write() as db:
        store.watch(db, ["KO"], evening(SESSIONS[-1]))
    outcome = work.refresh(settings, database, Clock(evening(SESSIONS[-1])), silent)
    assert outcome["outcomes"] == {"updated": 1}
    assert outcome["beside"]["earnings days"] == {"outcome": "limited", "detail": "too many requests; lacking: KO"}
