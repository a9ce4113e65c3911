"""What a proof says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Proof:
    """One proof's outcome; `details` has a line per check, the offending feature, row or figure first."""

    name: str
    passed: bool
    details: tuple[str, ...]
    elapsed_s: float
