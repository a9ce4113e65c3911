"""Many server processes over one store: each job once, whoever leads and however it ends."""

from pathlib import Path

from tests.flow import leaders


def test_each_key_runs_once_while_leaders_are_killed(tmp_path: Path) -> None:
    """Four server processes and one beside them; the leader is killed twice, another takes over, no key is lost."""
    found = leaders.live_through(leaders.furnish(tmp_path), seconds=8.0)
    assert found.is_exact, found
    assert len(found.due) >= 3  # before, between and after the two kills
    assert len(found.takeovers_s) == 2
    assert max(found.takeovers_s) < 60.0
