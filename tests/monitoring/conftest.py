"""The small market lived through evening by evening, with a champion and challengers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl
import pytest

from app.core.clock import Clock, calendar
from app.core.db import Database
from app.core.progress import Progress
from app.core.settings import Settings
from app.forecasts.ledger.scoring import score_due
from app.forecasts.prediction.forecaster import Forecaster
from app.monitoring.review import Review, Reviewer
from app.prices import store
from app.registry.promotion import champion
from app.registry.promotion.challengers import in_shadow, loaded
from app.registry.promotion.decisions import decide, history
from app.registry.versions import artefact
from app.registry.versions.model import Model
from app.training.contest.proving import evidence_of
from app.training.proofs.proof import Proof
from tests.forecasts import small

PLACEBO = Proof("placebo", passed=True, details=("as simulated before",), elapsed_s=27.0)


@dataclass
class Life:
    """The store on its newest evening; `trained` are the trainings that reviews asked for."""

    settings: Settings
    database: Database
    bars: pl.DataFrame
    evening: date
    trained: list[tuple[str | None, bool]]

    @property
    def clock(self) -> Clock:
        """Tell the evening."""
        return Clock(datetime.combine(self.evening, small.NOW.timetz()))

    def crown(self, model: Model) -> None:
        """Make a model champion by hand; that the program passes the placebo stands in the evidence."""
        artefact.save(model, self.settings.models_dir / model.card.version)
        evidence = evidence_of([PLACEBO], model)
        champion.promote(self.settings, self.database, model.card.version, "by hand", evidence, self.clock.now())

    def challenge(self, model: Model) -> None:
        """Save a model, and let it forecast in shadow."""
        artefact.save(model, self.settings.models_dir / model.card.version)
        decide(self.database, "challenge", model.card.version, "v1", "retrained", {}, self.clock.now())

    def forecast(self) -> None:
        """Let the champion and who is in shadow forecast the next session."""
        forecaster = Forecaster(self.settings, self.database, self.clock)
        forecaster.forecast_all()
        forecaster.shadow_all(loaded(self.settings, self.shadow()))

    def next(self) -> None:
        """Store the next session's bars, and score what they settle."""
        self.evening = calendar().next_session(self.evening)
        with self.database.write() as db:
            store.upsert(db, self.bars.filter(session=self.evening), "file", self.clock.now())
        score_due(self.database, self.clock)

    def live(self, sessions: int) -> None:
        """Live through evenings without a review."""
        for _ in range(sessions):
            self.forecast()
            self.next()

    def review(self, verdict: Any = None) -> Review:
        """Review this evening; a training is noted, and comes to nothing."""

        def train(recipe: str | None, at_once: bool, _: Progress) -> dict[str, Any]:
            self.trained.append((recipe, at_once))
            return {"promoted": False, "version": "none", "reason": "noted"}

        return Reviewer(self.settings, self.database, self.clock, train).review(verdict)

    def shadow(self) -> tuple[str, ...]:
        """Return who is in shadow."""
        with self.database.read() as db:
            return in_shadow(db)

    def served(self) -> str:
        """Return the champion's version."""
        model = champion.Champion(self.settings).current()
        assert model is not None
        return model.card.version

    def decided(self) -> Sequence[tuple[str, str, str]]:
        """Return kind, version and reason of each decision, newest first."""
        with self.database.read() as db:
            return [(row.kind, row.version, row.reason) for row in history(db)]


@pytest.fixture
def life(settings: Settings, database: Database) -> Callable[..., Life]:
    """Return what begins a life on some evening, whose bars may be changed."""

    def begin(evening: date = date(2021, 11, 15), bars: pl.DataFrame | None = None) -> Life:
        bars = small.bars() if bars is None else bars
        made = Life(settings, database, bars, evening, [])
        with database.write() as db:
            store.upsert(db, bars.filter(pl.col("session") <= evening), "file", made.clock.now())
        return made

    return begin
