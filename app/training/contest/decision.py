"""Where a contest's winner is decided on: compared with the champion in place, proved, then promoted or refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import NoHistory
from app.core.progress import Progress, within
from app.core.settings import Settings
from app.registry.promotion import champion
from app.registry.versions.model import Model
from app.training.data.dataset import Dataset
from app.training.evaluation.comparison import Comparison, compare
from app.training.evaluation.evaluator import Evaluator
from app.training.evaluation.selection import Choice, Standing
from app.training.proofs.leakage import leakage
from app.training.proofs.placebo import placebo
from app.training.proofs.proof import Proof

SAME = "the same data gave the same model: the champion stays"
QUICK_MARKETS = 2
"""Simulated markets of either kind before a promotion; `nextclose doctor placebo` runs all of them."""


@dataclass(frozen=True)
class Decision:
    """What a decision needs beside the winner."""

    settings: Settings
    database: Database
    clock: Clock
    progress: Progress

    def decide(
        self, dataset: Dataset, evaluator: Evaluator, model: Model, choice: Choice, evidence: dict[str, Any]
    ) -> tuple[bool, str]:
        """Promote the winner unless its bands don't hold, a proof fails, or the champion does better.

        Either is recorded with its evidence card.
        """
        card = model.card
        if self._in_place() == card.version:
            return False, SAME
        proved = self._prove(model)
        in_place, compared = self._compare(dataset, evaluator, card.name)
        if in_place == card.version:
            return False, SAME
        evidence = {
            **evidence,
            "card": json.loads(card.to_json()),
            "choice": asdict(choice),
            "comparison": asdict(compared),
            "proofs": [asdict(proof) for proof in proved],
        }
        refusal = _refusal(choice.standing(card.name), proved, compared)
        if refusal:
            champion.refuse(self.database, card.version, in_place, refusal, evidence, self.clock.now())
            return False, refusal
        reason = f"{choice}; {compared.how}{_beside(compared)}"
        champion.promote(self.settings, self.database, card.version, reason, evidence, self.clock.now())
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

    def _prove(self, model: Model) -> list[Proof]:
        """Run the proofs that stand before any promotion."""
        try:
            sealed = leakage(self.settings, self.database, within(self.progress, 0.0, 0.5), model=model)
        except NoHistory as error:
            sealed = Proof("leakage", passed=False, details=(error.detail,), elapsed_s=0.0)
        return [sealed, placebo(within(self.progress, 0.5, 1.0), QUICK_MARKETS)]


def _refusal(standing: Standing, proved: Sequence[Proof], compared: Comparison) -> str:
    """Say why the winner isn't promoted; empty where nothing speaks against it."""
    for proof in proved:
        if not proof.passed:
            return f"{proof.name} fails: {proof.details[0]}"
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
