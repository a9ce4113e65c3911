"""How long a first training's replay takes: 57 symbols x 500 sessions into an empty ledger, chained and scored.

Prints CPU seconds for the replay, for verifying both chains, for the track record of all rows, and for a score job
that finds nothing to do. Simulated bars in a temporary store.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from time import process_time

import numpy as np
import polars as pl

from app.core.clock import Clock
from app.core.db import Database, migrate
from app.forecasts.ledger import audit
from app.forecasts.ledger.replay import SCHEMA, replay
from app.forecasts.ledger.scoring import score_due
from app.forecasts.ledger.track_record import track_record
from app.prices import store
from app.registry.components.levels import QUANTILE_NAMES
from tests.forecasts import small

SYMBOLS, SESSIONS = 57, 500


def main() -> None:
    """Fill a store, replay, and print the table."""
    with tempfile.TemporaryDirectory() as folder:
        database, clock = Database(f"sqlite:///{Path(folder) / 'store.db'}"), Clock(small.NOW)
        migrate(database)
        bars = pl.concat(small.bars((f"S{number:02}",)) for number in range(SYMBOLS))
        with database.write() as db:
            store.upsert(db, bars, "file", small.NOW)
        made = rows(bars)

        def timed(what: str, work: Callable[[], object]) -> None:
            begun = process_time()
            print(f"{what:<24}{work()!s:>12}  {process_time() - begun:6.2f} s CPU")

        timed("replay", lambda: replay(database, clock, made))
        with database.read() as db:
            timed("doctor ledger", lambda: [report.rows for report in audit.verify_chain(db)])
            timed("track record", lambda: track_record(db, origin="replay").n)
        timed("score, nothing due", lambda: score_due(database, clock))
        database.dispose()


def rows(bars: pl.DataFrame) -> pl.DataFrame:
    """Return each symbol's last `SESSIONS` forecasts whose close is known."""
    known = bars.select("symbol", "close", as_of="session").sort("symbol", "as_of")
    known = known.with_columns(target_session=pl.col("as_of").shift(-1).over("symbol")).drop_nulls()
    known = known.group_by("symbol", maintain_order=True).tail(SESSIONS).rename({"close": "last_close"})
    bands = {
        name: pl.col("last_close") * float(np.exp(0.01 * z))
        for name, z in zip(QUANTILE_NAMES, small.NORMAL_Z, strict=True)
    }
    through = pl.lit(date(2019, 1, 1) - timedelta(days=1))
    made = known.with_columns(
        **bands, predicted_close="last_close", prob_up=0.51, sigma=0.01, trained_through=through,
        model=pl.lit("ridge"), version=pl.lit("v1"), fingerprint=pl.lit("d" * 64),
    )  # fmt: skip
    return made.select(*SCHEMA)


if __name__ == "__main__":
    main()
