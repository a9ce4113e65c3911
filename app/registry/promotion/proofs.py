"""What was proved of a version, and when: read from the decisions about it, which nobody can change.

Proofs stand before a promotion, because it takes another champion's place. A very first champion takes nobody's: it is
served as soon as its contest is through, and owes its proofs. They follow at once, and one that fails takes it away
again; until then everything that shows it says that they haven't run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sqlmodel import Session, col, select

from app.registry.promotion.tables import DecisionRow

OWED = "owes_proofs"
"""The name in a promotion's evidence that says that its proofs are still to come."""
State = Literal["held", "failed", "running", "not run"]


@dataclass(frozen=True)
class Proofs:
    """Each proof of a version that has run, and whether it held; `owed` where it is served and they are to come."""

    ran: Mapping[str, bool] = field(default_factory=dict)
    owed: bool = False

    def state(self, running: bool) -> State:
        """Say how they stand, given whether some job proves at this moment."""
        if self.ran:
            return "held" if all(self.ran.values()) else "failed"
        return "running" if self.owed and running else "not run"

    def summary(self, running: bool) -> str:
        """Say it in a line: what has run, and what it came to."""
        if self.ran:
            return ", ".join(f"{name} {'held' if held else 'failed'}" for name, held in self.ran.items())
        return "running, none has ended yet" if self.state(running) == "running" else "not run"


def proofs_of(db: Session, versions: Sequence[str]) -> dict[str, Proofs]:
    """Return what the newest decision that came with proofs says of each version; nothing ran for one without."""
    evidence = col(DecisionRow.evidence)
    query = select(DecisionRow.version, evidence["proofs"], evidence[OWED]).order_by(col(DecisionRow.id))
    found = {version: Proofs() for version in versions}
    for version, proofs, owed in db.exec(query.where(col(DecisionRow.version).in_(versions))):
        if proofs:
            found[version] = Proofs({one["name"]: one["passed"] for one in proofs})
        elif owed and not found[version].ran:
            found[version] = Proofs(owed=True)
    return found
