"""How quick the store is: `python tests/benchmarks/prices.py [bars.parquet]` prints one line a figure.

Without a file it makes 505 symbols of 1,226 sessions up; any Parquet with the columns of `nextclose import` will do.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

from app.core.clock import Clock, calendar
from app.core.db import Database, migrate
from app.prices import store
from app.prices.checks import rules
from app.prices.frame import conform
from app.prices.refresh import import_files

NOW = datetime(2026, 1, 2, 22, tzinfo=UTC)


def invented(symbols: int = 505, sessions: int = 1226) -> pl.DataFrame:
    """Return random walks as a bar frame."""
    days = calendar().between(date(2013, 2, 8), date(2018, 2, 7))[:sessions]
    drawn = np.random.default_rng(1)
    frames = []
    for at in range(symbols):
        close = 50 * np.exp(np.cumsum(drawn.normal(0, 0.01, len(days))))
        frames.append(
            pl.DataFrame(
                {
                    "symbol": f"S{at:03}",
                    "session": days,
                    "open": close * 0.999,
                    "high": close * 1.01,
                    "low": close * 0.99,
                    "close": close,
                    "volume": drawn.integers(1_000, 1_000_000, len(days)),
                }
            )
        )
    return conform(pl.concat(frames))


def timed(name: str, work: Callable[[], int], repeat: int = 1) -> None:
    """Print the best of `repeat` runs, wall and CPU, and the rows a second."""
    best = (float("inf"), float("inf"))
    rows = 0
    for _ in range(repeat):
        wall, cpu = time.perf_counter(), time.process_time()
        rows = work()
        best = min(best, (time.perf_counter() - wall, time.process_time() - cpu))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{name:44} {best[0] * 1e3:9.2f} ms  cpu {best[1] * 1e3:9.2f} ms  {rows / best[0]:12,.0f} rows/s  {peak} MB")


def upserted(database: Database, bars: pl.DataFrame) -> int:
    """Upsert all bars in one transaction."""
    with database.write() as db:
        store.upsert(db, bars, "file", NOW)
    return bars.height


def one_history(database: Database, symbol: str) -> int:
    """Read one symbol whole."""
    with database.read() as db:
        return store.history(db, symbol).height


def main() -> None:
    """Run all of it in a scratch folder."""
    given = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    with TemporaryDirectory() as folder:
        path = given or Path(folder) / "bars.parquet"
        if given is None:
            invented().write_parquet(path)
        imported = Database(f"sqlite:///{folder}/imported.db")
        migrate(imported)
        timed("import of the file, checked", lambda: import_files.import_files(imported, [path], Clock(NOW)).rows)
        timed("the same again, nothing new", lambda: import_files.import_files(imported, [path], Clock(NOW)).rows)
        bars = store.panel(imported)
        database = Database(f"sqlite:///{folder}/upserted.db")
        migrate(database)
        timed("upsert into an empty store", lambda: upserted(database, bars))
        timed("upsert of the same, unchanged", lambda: upserted(database, bars))
        timed("panel read", lambda: store.panel(database).height, repeat=3)
        timed("quality rules", lambda: rules.check(bars).good.height, repeat=3)
        symbol = bars["symbol"][0]
        timed(
            f"history of one symbol ({one_history(database, symbol)} bars)", lambda: one_history(database, symbol), 50
        )


if __name__ == "__main__":
    main()
