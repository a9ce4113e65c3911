"""Past forecasts beside what came of them: each session's 80 % band, on the basis that prices have today."""

from __future__ import annotations

from datetime import date

import polars as pl
from sqlmodel import Session, col, select

from app.forecasts.ledger import records
from app.forecasts.ledger.forecast import PUBLIC
from app.forecasts.ledger.tables import ForecastRow, ScoreRow
from app.registry.components.levels import INTERVALS

_LOW, _HIGH = INTERVALS[0.8]
_SCHEMA = {"session": pl.Date, "lower": pl.Float64, "upper": pl.Float64, "close": pl.Float64, "held": pl.Boolean}


def past_bands(db: Session, symbol: str, bars: pl.DataFrame) -> pl.DataFrame:
    """Return one row per bar whose session was forecast and scored; what was made live goes before a replay."""
    if bars.is_empty():
        return pl.DataFrame(schema=_SCHEMA)
    closes: dict[date, float] = dict(bars.select("session", "close").iter_rows())
    read = (ForecastRow.target_session, ForecastRow.quantiles, ScoreRow.realised_close, ScoreRow.hit_80)
    query = records.chosen(records.with_score(select(*map(col, read))), symbol, None, min(closes), max(closes))
    query = query.where(col(ForecastRow.origin).in_(PUBLIC), col(ScoreRow.realised_close).is_not(None))
    live_first = (col(ForecastRow.origin), col(ForecastRow.seq).desc())
    found: dict[date, tuple[date, float, float, float, bool]] = {}
    for session, quantiles, realised, held in db.connection().execute(query.order_by(*live_first)):
        if session in closes and session not in found:
            ratio = closes[session] / realised
            found[session] = (session, quantiles[_LOW] * ratio, quantiles[_HIGH] * ratio, closes[session], held)
    return pl.DataFrame(list(found.values()), schema=_SCHEMA, orient="row").sort("session")
