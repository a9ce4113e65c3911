"""How long a contest takes, and whether it is the same twice: `python tests/benchmarks/contest.py [FILE ...]`.

Files hold bars, bars of a market series such as `^VIX`, or earnings days. Without a file it runs on a simulated market
of 40 symbols and 1,500 sessions. It prints the table, the time with and without the proofs, the memory, and whether a
second run ends with the same version and the same figures.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import polars as pl

from app.core.clock import Clock
from app.core.db import Database, migrate
from app.core.settings import Settings
from app.prices.refresh.import_files import import_events, import_files
from app.training.contest.contest import ContestResult, run_contest
from app.training.data import simulated


def filled(home: Path, paths: list[str]) -> tuple[Settings, Database]:
    """Import the files (bars, market series, earnings days), or a simulated market, into a store of their own."""
    settings = Settings(home=home / "var", models_dir=home / "models", _env_file=None)
    database = Database(settings.database)
    migrate(database)
    files = [Path(path) for path in paths]
    if not files:
        files = [home / "simulated.parquet"]
        simulated.market(1, symbols=40, sessions=1500).rename({"session": "date"}).write_parquet(files[0])
    bars = [path for path in files if "open" in map(str.lower, pl.scan_parquet(path).collect_schema().names())]
    print(import_files(database, bars, Clock()))
    print(import_events(database, [path for path in files if path not in bars], Clock()))
    return settings, database


def timed(settings: Settings, database: Database) -> tuple[ContestResult, float, float]:
    """Run a contest; return it with its seconds, and the seconds after the winner was saved (MLflow and proofs)."""
    begun, after = time.perf_counter(), 0.0

    def watch(_: float, message: str) -> None:
        nonlocal after
        if message.startswith("features, truncation"):
            after = time.perf_counter()

    result = run_contest(settings, database, Clock(), watch)
    ended = time.perf_counter()
    return result, ended - begun, ended - after if after else 0.0


def main() -> None:
    """Print the table and the ratios."""
    with tempfile.TemporaryDirectory() as folder:
        settings, database = filled(Path(folder), sys.argv[1:])
        result, whole, proofs = timed(settings, database)
        for row in result.rows:
            score = row.score
            print(
                f"{row.name:15s} n {score.n:7d}  MAE ratio {score.mae_ratio:.4f}  CRPS skill "
                f"{100 * (score.crps_skill or 0):6.2f} %  80 % band {100 * (score.coverage_80 or 0):5.1f} %  "
                f"{row.seconds:6.2f} s"
            )
        print(f"{result.winner} {result.version}: {result.verdict}")
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(f"contest {whole - proofs:.1f} s, proofs {proofs:.1f} s, peak {memory:.2f} GB")
        again, _, _ = timed(settings, database)
        same = again.version == result.version and [row.score for row in again.rows] == [
            row.score for row in result.rows
        ]
        print(f"a second run: {'the same version and figures' if same else 'DIFFERENT'}")
        database.dispose()


if __name__ == "__main__":
    main()
