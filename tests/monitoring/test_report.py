"""The report: the verdict, and one sentence a reason."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from app.core.clock import Clock
from app.core.db import Database
from app.core.settings import Settings
from app.forecasts.ledger import due, records
from app.forecasts.ledger.forecast import Forecast, Score
from app.monitoring.report import JobState, Report, monitor
from app.prices import store
from app.registry.promotion import champion
from app.registry.versions import artefact
from tests.forecasts import small
from tests.forecasts.ledger.test_records import forecast, score


@pytest.fixture
def look(settings: Settings, database: Database) -> Callable[..., Report]:
    """Return what monitors a watched, fresh store with a champion."""
    with database.write() as db:
        store.upsert(db, small.bars(), "file", small.NOW)
        store.watch(db, list(small.SYMBOLS), small.NOW)
    artefact.save(small.model(through=date(2021, 9, 30)), settings.models_dir / "v1")
    champion.promote(settings, database, "v1", "test", {}, small.NOW)

    def report(*jobs: JobState, days: int = 0) -> Report:
        return monitor(settings, database, Clock(small.NOW + timedelta(days=days)), jobs)

    return report


def settle(database: Database, sessions: int, *, holds: bool, version: str = "v1", origin: str = "live") -> None:
    """Keep scored forecasts of four symbols; the bands hold on 19 of 20 sessions, or never."""
    made: list[Forecast] = []
    scores: list[Score] = []
    for number in range(sessions):
        for symbol in small.SYMBOLS:
            one = forecast(number, symbol, model_version=version, origin=origin)
            inside = holds and number % 20 != 7
            hits = {"hit_50": inside and number % 2 == 0, "hit_80": inside and number % 5 != 0, "hit_95": inside}
            made.append(one)
            scores.append(score(one.id).model_copy(update={**hits, "crps": 0.5}))
    with database.write() as db:
        records.append(db, made)
        due.add_scores(db, scores)


def test_nothing_wrong_is_healthy(look: Callable[..., Report], database: Database) -> None:
    """Fresh prices, a champion, claims that hold: one sentence says over how many sessions."""
    settle(database, 60, holds=True)
    report = look()
    assert (report.verdict, report.champion, report.rows) == ("healthy", "v1", 240)
    assert report.reasons == ("Every claim holds over 60 sessions of live forecasts, and nothing else stands out.",)
    assert (report.data.sessions_behind, report.data.watched, report.data.failing) == (0, 4, 0)
    assert report.drift is not None


def test_missed_bands_degrade_the_champion_that_missed_them(look: Callable[..., Report], database: Database) -> None:
    """Live ones only: as many replayed misses say nothing of what is served."""
    settle(database, 30, holds=False, origin="replay")
    assert look().verdict == "healthy"
    settle(database, 30, holds=False)
    report = look()
    assert report.verdict == "degraded"
    assert report.reasons[0].startswith(
        "95 % band too narrow: 0.0\u202f% over the last month beside 94\u202f%, called on "
    )
    assert " 2021, which happens by chance" in report.reasons[0]
    assert all(reason.endswith(".") for reason in report.reasons)


def test_a_third_of_the_symbols_that_fails_is_named(look: Callable[..., Report], database: Database) -> None:
    """Bands of the two calmest of six miss together every third session, those of the others never."""
    names = [*small.SYMBOLS, "EEE", "FFF"]
    made = [forecast(day, name, sigma=0.01 + place / 100) for day in range(50) for place, name in enumerate(names)]
    missed = [place < 2 and day % 3 == 0 for day in range(50) for place in range(6)]
    scores = [score(one.id).model_copy(update={"hit_95": not miss}) for one, miss in zip(made, missed, strict=True)]
    with database.write() as db:
        store.watch(db, names, small.NOW)
        records.append(db, made)
        due.add_scores(db, scores)
    report = look()
    assert report.verdict == "degraded"
    figures = "66.7\u202f% over the last month beside 93\u202f%, called on "
    assert report.reasons[0].startswith(f"95 % band too narrow among the calmest third of symbols: {figures}")
    assert report.reasons[0].endswith(" 2021, which happens by chance in 7\u202f% of years at most.")


def test_another_champion_starts_unjudged(look: Callable[..., Report], database: Database, settings: Settings) -> None:
    """Alarms on the sessions of the one before stay on record, and degrade nothing."""
    settle(database, 30, holds=False)
    artefact.save(small.model("v2", through=date(2021, 9, 30)), settings.models_dir / "v2")
    champion.promote(settings, database, "v2", "test", {}, small.NOW)
    report = look()
    assert report.verdict != "degraded"
    assert report.claims[0].alarms


def test_old_prices_and_failing_jobs_are_named(look: Callable[..., Report]) -> None:
    """Each stands as a sentence, the worst first."""
    lost = JobState("refresh", "lost", "its process 7 on here is gone", small.NOW)
    report = look(lost, JobState("score", "done", "done", small.NOW), days=5)
    assert report.verdict == "watch"
    assert report.reasons == (
        "The oldest watched prices lack 3 sessions.",
        "The last refresh job was lost: its process 7 on here is gone.",
    )
    assert look(days=30).verdict == "degraded"


def test_a_store_without_anything_is_worth_a_look(settings: Settings, database: Database) -> None:
    """Before the first training there is no champion to judge."""
    report = monitor(settings, database, Clock(small.NOW))
    assert (report.verdict, report.reasons) == ("watch", ("No model has been trained yet.",))
    assert (report.champion, report.drift, report.data.sessions_behind) == (None, None, None)


def test_an_expired_champion_is_degraded(look: Callable[..., Report], settings: Settings, database: Database) -> None:
    """It learnt a year before the newest bar: its figures are those of younger models, whatever the record says."""
    settle(database, 60, holds=True)
    artefact.save(small.model("old"), settings.models_dir / "old")
    champion.promote(settings, database, "old", "test", {}, small.NOW)
    report = look()
    assert report.verdict == "degraded"
    assert report.reasons[0] == "The champion learnt through 31 Dec 2020, 252 sessions ago: it has expired."
