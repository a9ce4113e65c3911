"""The proofs before any promotion: that the model sees no future, and that its code finds no skill where there is none.

The second one is about the program alone. Once it held for this code and these libraries it holds, and a promotion that
has its outcome in the evidence is looked up instead of simulating the same markets again.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Any, Final

from sqlmodel import col, select

from app.core.db import Database
from app.core.errors import NoHistory
from app.core.progress import Progress, within
from app.core.settings import Settings
from app.registry.promotion.tables import DecisionRow
from app.registry.versions.model import Model
from app.training.proofs.leakage import leakage
from app.training.proofs.placebo import placebo
from app.training.proofs.proof import Proof
from app.training.workers.program import code_fingerprint

QUICK_MARKETS: Final = 2
"""Simulated markets of either kind before a promotion; `nextclose doctor placebo` runs all of them."""
_LOOKED_BACK: Final = 20


def prove(settings: Settings, database: Database, model: Model, progress: Progress) -> list[Proof]:
    """Run both proofs, or the first one alone where the second held for the same code."""
    try:
        sealed = leakage(settings, database, within(progress, 0.0, 0.5), model=model)
    except NoHistory as error:
        sealed = Proof("leakage", passed=False, details=(error.detail,), elapsed_s=0.0)
    return [
        sealed,
        _proved_before(database, model) or placebo(within(progress, 0.5, 1.0), QUICK_MARKETS, settings.cluster),
    ]


def evidence_of(proved: list[Proof], model: Model) -> dict[str, Any]:
    """Return what a decision keeps of its proofs."""
    return {"proofs": [asdict(proof) for proof in proved], "proved_code": _program(model)}


def _proved_before(database: Database, model: Model) -> Proof | None:
    """Return the placebo's outcome of the newest champion that this program proved, if it passed."""
    query = select(DecisionRow.evidence).where(col(DecisionRow.kind).in_(("promotion", "proof")))
    with database.read() as db:
        for evidence in db.exec(query.order_by(col(DecisionRow.id).desc()).limit(_LOOKED_BACK)):
            if evidence.get("proved_code") == _program(model):
                kept = next((one for one in evidence["proofs"] if one["name"] == "placebo"), None)
                if kept is not None and kept["passed"]:
                    return Proof("placebo", passed=True, details=tuple(kept["details"]), elapsed_s=kept["elapsed_s"])
    return None


def _program(model: Model) -> str:
    """Return what stands for the code and its libraries, as the model's card names them."""
    return hashlib.sha256(f"{code_fingerprint()} {sorted(model.card.libraries.items())}".encode()).hexdigest()
