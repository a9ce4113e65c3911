"""How quick an answer is: `python tests/benchmarks/forecasts.py BARS.parquet` prints one line a figure.

The bars are columns as `nextclose import` takes them. The model is the tests' small one; its cost is that of its
features and quantiles, not of its skill.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from datetime import time as day_time
from pathlib import Path
from tempfile import TemporaryDirectory

from app.core.clock import Clock
from app.core.db import Database, migrate
from app.core.settings import Settings
from app.features.frame import FEATURE_NAMES
from app.forecasts.prediction.forecaster import Forecaster
from app.prices import store
from app.prices.refresh import import_files
from app.registry.promotion import champion
from app.registry.versions import artefact

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.forecasts import small
from tests.tampering import unguard

ROUNDS = 40


def timed(
    name: str, work: Callable[[], object], rounds: int = ROUNDS, before: Callable[[], object] | None = None
) -> None:
    """Print the median and the 95th percentile of some rounds, and their CPU time; `before` isn't counted."""
    took, cpu = [], []
    for _ in range(rounds):
        if before is not None:
            before()
        start, start_cpu = time.perf_counter(), time.process_time()
        work()
        took.append(1e3 * (time.perf_counter() - start))
        cpu.append(1e3 * (time.process_time() - start_cpu))
    worst = sorted(took)[min(len(took) - 1, round(0.95 * len(took)))]
    print(f"{name:52} {statistics.median(took):9.2f} ms  p95 {worst:9.2f} ms  cpu {statistics.median(cpu):9.2f} ms")


def main(path: Path, home: Path) -> None:
    """Fill a store, crown a model that knows all symbols but one, and ask."""
    settings = Settings(home=home, models_dir=home / "models")
    database = Database(settings.database)
    migrate(database)
    import_files.import_files(database, [path], Clock())
    with database.read() as db:
        last = store.last_bars(db)
    stranger, *market = sorted(last)
    newest = max(bar.session for bar in last.values())
    clock = Clock(datetime.combine(newest, day_time(23), tzinfo=UTC))
    model = small.model()
    card = model.card.model_copy(update={"symbols": tuple(market), "features": FEATURE_NAMES})
    artefact.save(replace(model, card=card), settings.models_dir / card.version)
    champion.promote(settings, database, card.version, "benchmark", {}, clock.now())
    asked = Forecaster(settings, database, clock)
    unguard(database, "forecast")  # so that the same forecast can be made again

    def forget(table: str = f"symbol = '{stranger}'") -> None:
        with database.write() as db:
            db.connection().exec_driver_sql(f"UPDATE symbol SET version = version + 1 WHERE {table}")
            db.connection().exec_driver_sql(f"DELETE FROM forecast WHERE {table}")

    print(f"{len(last)} symbols, {sum(bar.bars for bar in last.values()):,} bars, all {len(FEATURE_NAMES)} features")
    timed("all symbols from stored bars, kept", asked.forecast_all, 3, lambda: forget("1 = 1"))
    timed("one symbol from stored bars, its market known, kept", lambda: asked.latest(stranger), before=forget)
    timed("one symbol from the ledger", lambda: asked.latest(stranger))
    timed("all symbols from the ledger", lambda: asked.latest_many(list(last)), 10)
    database.dispose()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        with TemporaryDirectory() as folder:
            main(Path(sys.argv[1]), Path(folder))
    else:
        print("skipped: give it a Parquet file of bars")
