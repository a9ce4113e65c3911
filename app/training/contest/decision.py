"""Where a contest's winner is decided on: compared with the champion in place, proved, then promoted or refused.

A retraining that isn't urgent decides nothing on past sessions: its winner is compared, and goes in shadow. The very
first winner has no champion before it to protect: it is served at once, and its proofs settle it right after.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from app.core.clock import Clock
from app.core.db import Database
from app.core.progress import Progress
from app.core.settings import Settings
from app.registry.promotion import challengers, champion
from app.registry.promotion.decisions import Kind, decide, nothing_decided
from app.registry.promotion.proofs import OWED
from app.registry.versions.model import Model
from app.training.contest.proving import evidence_of, prove
from app.training.data.dataset import Dataset
from app.training.evaluation.comparison import NOBODY, Comparison, compare
from app.training.evaluation.evaluator import Evaluator
from app.training.evaluation.selection import Choice, Standing
from app.training.proofs.proof import Proof, failure

SAME = "the same data gave the same model: the champion stays"
SAME_IN_SHADOW = "the same data gave the same model: it is in shadow already"


@dataclass(frozen=True)
class Decision:
    """What a decision needs beside the winner: whether it may become champion `at_once`, and what it does before."""

    settings: Settings
    database: Database
    clock: Clock
    progress: Progress
    at_once: bool = True
    prepare: champion.Prepare = lambda _: None

    def decide(
        self, dataset: Dataset, evaluator: Evaluator, model: Model, choice: Choice, evidence: dict[str, Any]
    ) -> tuple[bool, str]:
        """Promote the winner unless its bands don't hold, a proof fails, or the champion does better.

        If it isn't urgent and there is a champion, it goes in shadow instead. Each is recorded with its evidence card.
        """
        card = model.card
        in_place = self._in_place()
        if in_place == card.version:
            return False, SAME
        if not self.at_once and in_place is not None:
            return False, self._challenge(dataset, evaluator, model, choice, evidence)
        proved = self._prove(model)
        in_place, compared = self._compare(dataset, evaluator, card.name)
        if in_place == card.version:
            return False, SAME
        evidence = evidence | _evidence(model, choice, compared) | evidence_of(proved, model)
        refusal = _refusal(choice.standing(card.name), proved, compared)
        if refusal:
            decide(self.database, "refusal", card.version, in_place, refusal, evidence, self.clock.now())
            return False, refusal
        reason, now = f"{choice}; {compared.how}{_beside(compared)}", self.clock.now()
        champion.promote(self.settings, self.database, card.version, reason, evidence, now, self.prepare)
        return True, reason

    def is_first(self) -> bool:
        """Say whether nobody is champion, nor was ever decided on."""
        return self._in_place() is None and nothing_decided(self.database)

    def serve_first(self, model: Model, choice: Choice, evidence: dict[str, Any]) -> bool:
        """Promote the very first winner before its proofs, which `settle` makes up for; not if its bands don't hold."""
        card = model.card
        if choice.standing(card.name).refused or not self.is_first():
            return False
        evidence = evidence | _evidence(model, choice, NOBODY) | {OWED: True}
        reason = f"{choice}; {NOBODY.how}, so that it is served while its proofs run"
        champion.promote(self.settings, self.database, card.version, reason, evidence, self.clock.now())
        return True

    def settle(self, model: Model, run: str | None = None) -> tuple[bool, str]:
        """Run the proofs that a first champion owes, and record them, with its run's id; a failure takes it away."""
        proved, version = self._prove(model), model.card.version
        evidence, failed = evidence_of(proved, model) | ({"mlflow_run": run} if run else {}), failure(proved)
        if failed:
            champion.withdraw(self.settings, self.database, version, failed, evidence, self.clock.now())
            return False, failed
        reason = "its proofs hold, which ran after it was served"
        decide(self.database, "proof", version, None, reason, evidence, self.clock.now())
        return True, reason

    def _in_place(self) -> str | None:
        old = champion.Champion(self.settings).current()
        return old.card.version if old else None

    def _compare(self, dataset: Dataset, evaluator: Evaluator, winner: str) -> tuple[str | None, Comparison]:
        """Compare with the champion that is in place when that is done; return its version too.

        The proofs take a minute, in which someone may promote another: the one compared with must be the one replaced.
        """
        while True:
            old = champion.Champion(self.settings).current()
            version = old.card.version if old else None
            compared = compare(dataset, evaluator, winner, old)
            if self._in_place() == version:
                return version, compared

    def _challenge(
        self, dataset: Dataset, evaluator: Evaluator, model: Model, choice: Choice, evidence: dict[str, Any]
    ) -> str:
        """Let the winner forecast in shadow, unless its bands don't hold; return what was decided."""
        version, standing = model.card.version, choice.standing(model.card.name)
        in_place, compared = self._compare(dataset, evaluator, model.card.name)
        with self.database.read() as db:
            if version in challengers.in_shadow(db):
                return SAME_IN_SHADOW
        kind: Kind = "refusal" if standing.refused else "challenge"
        beside = f"in shadow; {compared.how}{_beside(compared)}"
        reason = f"{standing.name}: {standing.refused}" if standing.refused else beside
        evidence = evidence | _evidence(model, choice, compared)
        decide(self.database, kind, version, in_place, reason, evidence, self.clock.now())
        return reason

    def _prove(self, model: Model) -> list[Proof]:
        """Run the proofs that stand before any promotion."""
        return prove(self.settings, self.database, model, self.progress)


def _evidence(model: Model, choice: Choice, compared: Comparison) -> dict[str, Any]:
    """Return what every decision on a winner keeps."""
    card = json.loads(model.card.to_json())
    return {"card": card, "choice": asdict(choice), "comparison": asdict(compared)}


def _refusal(standing: Standing, proved: Sequence[Proof], compared: Comparison) -> str:
    """Say why the winner isn't promoted; empty where nothing speaks against it."""
    if failed := failure(proved):
        return failed
    if standing.refused:
        return f"{standing.name}: {standing.refused}"
    if compared.better:
        return ""
    return f"it is worse {compared.how}{_beside(compared)}" if compared.rows else compared.how


def _beside(compared: Comparison) -> str:
    """Say both losses, and how sure the difference is."""
    if compared.crps_winner is None or compared.crps_champion is None:
        return ""
    behind, error = 100.0 * (compared.behind or 0.0), 100.0 * (compared.behind_error or 0.0)
    return (
        f": CRPS {compared.crps_winner:.4g} against {compared.crps_champion:.4g}, {behind:+.2f} % (error {error:.2f} %)"
    )
