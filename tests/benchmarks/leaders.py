"""Ten minutes of leaders that are killed: `python tests/benchmarks/leaders.py [SECONDS]`.

Four server processes and one beside them share a store, on a clock that jumps from each instant after a close to the
next. The leader is killed twice while a job runs. Each key (a session's instant, a week's check) must have run once.
Without SECONDS it takes one minute.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.flow import leaders


def main(seconds: float) -> int:
    """Live through it, print what came of it, and fail when a key ran twice or never."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = leaders.live_through(leaders.furnish(Path(folder)), seconds)
    taken = ", ".join(f"{one:.1f} s" for one in found.takeovers_s)
    print(f"{len(found.due)} keys were due in {time.monotonic() - began:.0f} s, {len(found.ran)} were run for")
    print(f"most runs of one key {max(found.ran.values())}, runs without a key {found.keyless}")
    print(f"leaders killed {len(found.takeovers_s)}, another led after {taken}; {len(found.leaders)} processes led")
    print("each key once" if found.is_exact else f"NOT EXACT: {found.ran - type(found.ran)(found.due)}")
    return 0 if found.is_exact else 1


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0))
