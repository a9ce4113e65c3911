"""How a symbol's refresh can end, and the report of one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

Outcome = Literal[
    "updated", "unchanged", "closed", "unknown", "delisted", "limited", "unreachable", "malformed", "quarantined"
]
"""`closed`: no session became final since the last refresh, so nothing was asked. `delisted`: the store has bars, the
source knows the symbol no more. `quarantined`: the only new bars failed a check."""

FAILED: Final[frozenset[Outcome]] = frozenset({"unknown", "delisted", "limited", "unreachable", "malformed"})
"""Outcomes after which the store is as it was before."""
DOWN: Final[frozenset[Outcome]] = frozenset({"limited", "unreachable", "malformed"})
"""Those of them that speak of the source, not of the symbol."""


def common(reason: str, symbol: str) -> str:
    """Return why a symbol's refresh failed in words that hold for others too: without "(KO)", "of KO" and "for KO"."""
    name = re.escape(symbol)
    return re.sub(rf" (\({name}\)|(for|of) {name}(?![\w.-]))", "", reason).rstrip(".")


@dataclass(frozen=True)
class RefreshReport:
    """How one symbol's refresh went: bars added and changed, and the newest final session in the store."""

    symbol: str
    outcome: Outcome
    added: int = 0
    changed: int = 0
    last: date | None = None
    detail: str = ""
    elapsed_s: float = 0.0
