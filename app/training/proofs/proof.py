"""What a proof says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Proof:
    """One proof's outcome; `details` has a line per check, the offending feature, row or figure first."""

    name: str
    passed: bool
    details: tuple[str, ...]
    elapsed_s: float


def failure(proofs: Iterable[Proof]) -> str:
    """Say in a line which proof fails first, and why; empty where all hold."""
    return next((f"{proof.name} fails: {proof.details[0]}" for proof in proofs if not proof.passed), "")
