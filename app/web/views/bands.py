"""Past forecasts beside what came of them: each session's 80 % band, on the basis that prices have today."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from app.forecasts.ledger import records
from app.forecasts.ledger.forecast import PUBLIC
from app.forecasts.ledger.tables import ForecastRow, ScoreRow
from app.registry.components.levels import INTERVALS
from app.web.figures.charts import PastBand

_LOW, _HIGH = INTERVALS[0.8]
_READ = (ForecastRow.target_session, ForecastRow.quantiles, ScoreRow.realised_close, ScoreRow.hit_80)
_SCORED = (
    records.with_score(select(*map(col, _READ)))
    .where(
        ForecastRow.symbol == bindparam("symbol"),
        col(ForecastRow.target_session).between(bindparam("first"), bindparam("last")),
        col(ForecastRow.origin).in_(PUBLIC),
        col(ScoreRow.realised_close).is_not(None),
    )
    .order_by(*records.LIVE_FIRST)
)


def past_bands(db: Session, symbol: str, closes: Mapping[date, float]) -> list[PastBand]:
    """Return the band of each session of these that was forecast and scored; what was made live before a replay."""
    found: dict[date, PastBand] = {}
    asked = {"symbol": symbol, "first": min(closes), "last": max(closes)}
    for session, quantiles, realised, held in db.connection().execute(_SCORED, asked):
        if session in closes and session not in found:
            ratio = closes[session] / realised
            found[session] = PastBand(session, quantiles[_LOW] * ratio, quantiles[_HIGH] * ratio, closes[session], held)
    return sorted(found.values())
