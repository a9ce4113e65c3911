"""The review: once a session, before its forecasts are made, whether another version should make them.

In order: challengers are compared with the champion on rows that both forecast (`duel`); the best one that wins becomes
champion, after the proofs, and if it is the one before the champion that is a rollback; those that lose leave. Then the
champion is retrained where that is due. Forecasts follow, so that each session of a symbol is forecast by one champion.

Retrained is the champion's own recipe in each week with a new session; all candidates compete every 63 sessions. The
result goes in shadow. Where the verdict is `degraded` or the champion has expired there is no time for that: all
candidates compete, and the winner is decided on at once, as by hand; but ten sessions apart at least, for in fewer
there is too little news for another answer.

A contest's runners-up don't go in shadow with its winner. On 57 symbols from 2018 to 2021 the three best lie 0.001 to
0.007 % of CRPS behind, where 25 sessions tell differences of 0.06 to 0.12 % apart: in 32 duels a candidate none won,
while 30 passed as not worse, so that only the luck of a month would choose among them, in the places of versions that
learnt more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from app.core.clock import Clock
from app.core.db import Database
from app.core.progress import Progress, silent, within
from app.core.public import counted
from app.core.settings import Settings
from app.forecasts.ledger import records
from app.forecasts.ledger.track_record import settled
from app.monitoring.duel import FRESHER_BY, Duel, duels
from app.monitoring.report import Verdict
from app.prices import store
from app.registry.promotion import champion as registry
from app.registry.promotion.challengers import in_shadow, loaded
from app.registry.promotion.champion import Champion
from app.registry.promotion.decisions import decide, trainings
from app.registry.promotion.pointer import Pointer
from app.registry.versions.model import Model
from app.registry.versions.stored import is_expired, sessions_since

AT_ONCE_APART: Final = 10
"""Sessions from one training whose winner may be promoted at once to the next one."""
COMPARED_DAYS: Final = 120
"""A duel looks back so far: nobody is in shadow for longer."""

Train = Callable[[str | None, bool, Progress], dict[str, Any]]
"""Trains a recipe again, or lets all candidates compete (None), at once or not, and says what came of it."""


@dataclass
class Review:
    """What was found and done; `moved_to` is the version that became champion."""

    duels: list[Duel] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    moved_to: str | None = None
    training: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {**vars(self), "duels": [{**asdict(one), "told": str(one)} for one in self.duels]}


@dataclass(frozen=True)
class Reviewer:
    """What a review needs."""

    settings: Settings
    database: Database
    clock: Clock
    train: Train

    def review(self, verdict: Verdict | None = None, progress: Progress = silent) -> Review:
        """Compare, decide and retrain, if the newest session isn't forecast yet; `verdict` is monitoring's."""
        found = Review()
        model, newest = Champion(self.settings).current(), self._newest()
        if model is None or newest is None or self._is_forecast(newest):
            return found
        progress(0.0, "comparing challengers")
        shadow = self._challengers(model)
        found.duels = self._duels(model, shadow)
        self._decide(found, shadow, within(progress, 0.0, 0.4))
        model = Champion(self.settings).current() or model
        self._retrain(found, model, newest, verdict, within(progress, 0.4, 1.0))
        return found

    def _newest(self) -> date | None:
        with self.database.read() as db:
            return max((bar.session for bar in store.last_bars(db).values()), default=None)

    def _is_forecast(self, session: date) -> bool:
        """Say whether forecasts as of this session were published: what was, stands."""
        with self.database.read() as db:
            return records.is_forecast(db, session)

    def _challengers(self, model: Model) -> list[Model]:
        with self.database.read() as db:
            versions = [version for version in in_shadow(db) if version != model.card.version]
        return loaded(self.settings, versions)

    def _duels(self, model: Model, shadow: Sequence[Model]) -> list[Duel]:
        since = self.clock.now().date() - timedelta(days=COMPARED_DAYS)
        with self.database.read() as db:
            rows = settled(db, start=since, origins=("live", "shadow")) if shadow else None
        if rows is None:
            return []
        learnt = model.card.trained_through
        ages = [(one.card.version, sessions_since(learnt, one.card.trained_through)) for one in shadow]
        return duels(rows, model.card.version, ages)

    def _decide(self, found: Review, shadow: Sequence[Model], progress: Progress) -> None:
        """Let the best winner become champion, and losers leave."""
        models = {one.card.version: one for one in shadow}
        winners = [one for one in found.duels if one.is_better or one.is_fresher]
        for one in sorted(winners, key=lambda one: one.whole.behind or 0.0):
            if self._promote(found, one, models[one.challenger], progress):
                return
        for one in found.duels:
            if one.is_worse:
                self._retire(found, one, f"it does worse: {one}")

    def _promote(self, found: Review, one: Duel, model: Model, progress: Progress) -> bool:
        """Promote a winner that passes the proofs, or roll back to it; one that doesn't pass leaves."""
        from app.training.contest.proving import evidence_of, prove
        from app.training.proofs.proof import failure

        evidence: dict[str, Any] = {"duel": asdict(one)}
        more = counted(one.fresher_by, "session")
        why = "it does better" if one.is_better else f"it learnt {more} more and does no worse"
        pointer = Pointer.read(self.settings.models_dir)
        if pointer is not None and pointer.before[-1:] == (one.challenger,):
            kind, reason = "rolled back to", f"the champion before: {why}: {one}"
            registry.rollback(self.settings, self.database, reason, self.clock.now(), evidence)
        else:
            proved = prove(self.settings, self.database, model, progress)
            if failed := failure(proved):
                self._retire(found, one, failed)
                return False
            kind, reason = "promoted", f"{why}: {one}"
            evidence |= evidence_of(proved, model)
            registry.promote(self.settings, self.database, one.challenger, reason, evidence, self.clock.now())
        found.moved_to = one.challenger
        found.done.append(f"{kind} {one.challenger}: {reason}")
        return True

    def _retire(self, found: Review, one: Duel, reason: str) -> None:
        evidence = {"duel": asdict(one)}
        decide(self.database, "retirement", one.challenger, one.champion, reason, evidence, self.clock.now())
        found.done.append(f"retired {one.challenger}: {reason}")

    def _retrain(self, found: Review, model: Model, newest: date, verdict: Verdict | None, progress: Progress) -> None:
        """Retrain where it is due."""
        due = self._due(
            model, newest, is_urgent=verdict == "degraded" or is_expired(model.card.trained_through, newest)
        )
        if due is None:
            return
        recipe, at_once = due
        found.training = self.train(recipe, at_once, progress)
        found.done.append(f"retrained {recipe or 'all candidates'}: {found.training['reason']}")
        if found.training["promoted"]:
            found.moved_to = found.training["version"]

    def _due(self, model: Model, newest: date, *, is_urgent: bool) -> tuple[str | None, bool] | None:
        """Return what to train (a recipe, or None for all candidates) and whether at once; None if nothing is due."""
        with self.database.read() as db:
            past = trainings(db)
        learnt = max((one.through for one in past), default=model.card.trained_through)
        urgent = max((one.through for one in past if one.at_once), default=date.min)
        if is_urgent and sessions_since(urgent, newest) >= AT_ONCE_APART:
            return None, True
        if newest.isocalendar()[:2] == learnt.isocalendar()[:2]:
            return None
        contest = max((one.through for one in past if one.is_contest), default=date.min)
        known = model.card.name if _is_candidate(model.card.name) else None
        return (None if sessions_since(contest, newest) >= FRESHER_BY else known), False


def _is_candidate(name: str) -> bool:
    from app.training.data.candidates import CANDIDATES

    return any(one.name == name for one in CANDIDATES)
