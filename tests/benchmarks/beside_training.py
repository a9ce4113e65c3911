"""How much a training slows forecasts down: `python tests/benchmarks/beside_training.py [BARS.parquet]`.

One server process is loaded on /predict/AAPL over 64 connections: in quiet, while it trains in a process of its own,
and in quiet again. Medians of rounds are printed, and the p99 beside training over that in quiet. Both the server and
the load want a core, and the training wants all of them: it stands back.
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.benchmarks.serving import Load, fill, load, started

ROUNDS = 5
PORT = 8791


def ask(method: str, path: str) -> Any:
    """Return the JSON of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    connection.request(method, path)
    return json.loads(connection.getresponse().read())


def rounds(pid: int, job: str | None = None) -> list[Load]:
    """Load the server in rounds; with a job, as long as that runs."""
    found: list[Load] = []
    while len(found) < ROUNDS:
        one = load(pid, PORT)
        if job is not None and ask("GET", f"/api/jobs/{job}")["state"] != "running":
            break
        found.append(one)
    return found


def begin_training() -> str:
    """Start a training, and return its id when it is at work."""
    job: str = ask("POST", "/api/jobs/train")["id"]
    while ask("GET", f"/api/jobs/{job}")["progress"] <= 0.0:
        time.sleep(0.2)
    return job


def main(bars: Path | None) -> int:
    """Load, train beside it, and print what came of it; fail when the p99 more than doubles."""
    fill(bars)
    with started("ours", PORT, b"{}") as pid:
        load(pid, PORT)
        before = rounds(pid)
        job = begin_training()
        beside = rounds(pid, job)
        ask("POST", f"/api/jobs/{job}/cancel")
        while ask("GET", f"/api/jobs/{job}")["state"] == "running":
            time.sleep(0.2)
        after = rounds(pid)
    for name, found in (("quiet", before + after), ("training", beside)):
        rate, p50, p99 = (statistics.median(getattr(one, what) for one in found) for what in ("rate", "p50", "p99"))
        spread = f"{min(one.p99 for one in found):.2f} to {max(one.p99 for one in found):.2f}"
        print(f"{name:9} {len(found)} rounds {rate:9,.0f}/s  p50 {p50:6.2f} ms  p99 {p99:6.2f} ms ({spread})")
    ratio = statistics.median(one.p99 for one in beside) / statistics.median(one.p99 for one in before + after)
    print(f"p99 beside training: {ratio:.2f} x quiet, load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return 0 if ratio <= 2.0 else 1


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        os.environ |= {
            "NEXTCLOSE_HOME": folder, "NEXTCLOSE_MODELS_DIR": f"{folder}/models", "NEXTCLOSE_SOURCE": "sample",
            "NEXTCLOSE_SCHEDULER": "off",
        }  # fmt: skip
        sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
