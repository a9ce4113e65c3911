"""Where a contest's winner is decided on: compared with the champion in place, proved, then promoted or refused."""

from __future__ import annotations

import json
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
from app.training.evaluation import gate
from app.training.evaluation.evaluator import Evaluator
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
        self, dataset: Dataset, evaluator: Evaluator, model: Model, evidence: dict[str, Any]
    ) -> tuple[bool, str]:
        """Promote the winner unless the champion does better or a proof fails; record either with its evidence card."""
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
            "comparison": asdict(compared),
            "proofs": [asdict(proof) for proof in proved],
        }
        failed = [proof for proof in proved if not proof.passed]
        if failed:
            reason = f"{failed[0].name} fails: {failed[0].details[0]}"
        elif not compared.better:
            reason = f"its CRPS {compared.crps_winner:.4g} is above {compared.crps_champion:.4g} of {compared.how}"
        else:
            reason = f"best CRPS of {len(evaluator.names)} candidates; {compared.how}"
            champion.promote(self.settings, self.database, card.version, reason, evidence, self.clock.now())
            return True, reason
        champion.refuse(self.database, card.version, in_place, reason, evidence, self.clock.now())
        return False, reason

    def _in_place(self) -> str | None:
        old = champion.Champion(self.settings).current()
        return old.card.version if old else None

    def _compare(self, dataset: Dataset, evaluator: Evaluator, winner: str) -> tuple[str | None, gate.Comparison]:
        """Compare with the champion that is in place when that is done; return its version too.

        The proofs take a minute, in which someone may promote another: the one compared with must be the one replaced.
        """
        while True:
            old = champion.Champion(self.settings).current()
            version = old.card.version if old else None
            compared = gate.compare(dataset, evaluator, winner, old)
            if self._in_place() == version:
                return version, compared

    def _prove(self, model: Model) -> list[Proof]:
        """Run the proofs that stand before any promotion."""
        try:
            sealed = leakage(self.settings, self.database, within(self.progress, 0.0, 0.5), model=model)
        except NoHistory as error:
            sealed = Proof("leakage", passed=False, details=(error.detail,), elapsed_s=0.0)
        return [sealed, placebo(within(self.progress, 0.5, 1.0), QUICK_MARKETS)]
