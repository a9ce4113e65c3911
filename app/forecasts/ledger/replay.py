"""Replay: the walk-forward forecasts of a first training go into the ledger, apart from live ones.

So the track record is never empty: it tells from the first day how the same procedure would have done. Each row names
the fold's own model version, which was fitted on what was known then and isn't kept: it can be judged, not rebuilt.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import polars as pl
from ulid import ULID

from app.core.clock import DEFAULT_EXCHANGE, Clock, calendar
from app.core.db import Database
from app.core.progress import Progress, silent, within
from app.forecasts.ledger import records
from app.forecasts.ledger.forecast import Forecast
from app.forecasts.ledger.scoring import score_due
from app.prices import store
from app.prices.store import LastBar
from app.registry.components.levels import QUANTILE_NAMES

SCHEMA: Final = {
    "symbol": pl.String,
    "as_of": pl.Date,
    "target_session": pl.Date,
    "model": pl.String,
    "version": pl.String,
    **dict.fromkeys(("last_close", "predicted_close", "prob_up", *QUANTILE_NAMES, "sigma"), pl.Float64),
    "trained_through": pl.Date,
    "fingerprint": pl.String,
}
"""One row per symbol and session: a backtest's columns, quantiles as closes; `fingerprint` is of all bars used."""
AT_ONCE: Final = 5_000
VERDICT: Final = "replayed: made in the first training's walk-forward, by a model that knew no later session"


def replay(
    database: Database, clock: Clock, rows: pl.DataFrame, progress: Progress = silent, version: str | None = None
) -> int:
    """Append walk-forward forecasts (`SCHEMA`) to an empty ledger and score them; return how many, else 0.

    Some thousand in one transaction, so that no other writer waits long. The new champion's own first forecasts may
    stand there already: whoever looks at a page makes them.
    """
    now = clock.now()
    with database.read() as db:
        own = records.count(db, version=version) if version else 0
        if rows.is_empty() or records.count(db) > own:
            return 0
        exchanges, last = store.exchanges(db), store.last_bars(db)
    known = rows.select(*SCHEMA).match_to_schema(SCHEMA).filter(pl.col("symbol").is_in(list(last)))
    made = 0
    for part in known.sort("symbol", "as_of").iter_slices(AT_ONCE):
        progress(made / known.height / 2, f"replaying {part['symbol'][0]}")
        forecasts = (
            _forecast(row, last[row["symbol"]], exchanges.get(row["symbol"], DEFAULT_EXCHANGE), now)
            for row in part.iter_rows(named=True)
        )
        with database.write() as db:
            made += records.seed(db, forecasts)
    score_due(database, clock, within(progress, 0.5, 1.0))
    return made


def _forecast(row: Mapping[str, Any], bar: LastBar, exchange: str, now: datetime) -> Forecast:
    same = ("symbol", "as_of", "target_session", "last_close", "predicted_close", "prob_up", "sigma", "trained_through")
    return Forecast(
        id=str(ULID.from_datetime(now)),
        **{name: row[name] for name in same},
        predicted_return=row["predicted_close"] / row["last_close"] - 1.0,
        quantiles=tuple(row[name] for name in QUANTILE_NAMES),
        target_close_at=calendar(exchange).close_at(row["target_session"]),
        model_name=row["model"],
        model_version=row["version"],
        feature_fingerprint=row["fingerprint"],
        verdict=VERDICT,
        source=bar.source,
        fetched_at=bar.fetched_at,
        origin="replay",
        made_at=now,
    )
