"""Skill is found where it was planted, and nowhere else."""

from app.training.proofs.placebo import placebo


def test_placebo_finds_the_planted_edge_and_nothing_else() -> None:
    """One market of each kind; `nextclose doctor placebo` runs twenty."""
    proof = placebo(markets=1)
    assert proof.passed, proof.details
    assert proof.details == (
        "1 of 1 markets without an edge: no claim",
        "1 of 1 planted edges of 0.05 found",
    )
