"""What is due to be scored, or was and is revised since; and the scores that are written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl
from sqlmodel import Session, col, func, select

from app.forecasts.ledger import chain
from app.forecasts.ledger.forecast import Forecast, Score
from app.forecasts.ledger.records import FORECASTS, chunks, read, with_score
from app.forecasts.ledger.tables import ForecastRow, ScoreRow


def waiting(db: Session) -> dict[str, date]:
    """Return each symbol that has unscored forecasts, and the first target session among them."""
    first = func.min(ForecastRow.target_session)
    query = _unscored(select(ForecastRow.symbol, first)).group_by(ForecastRow.symbol)
    return dict(db.exec(query).all())


def pending(db: Session, symbol: str, last_session: date) -> list[Forecast]:
    """Return a symbol's unscored forecasts whose target session is `last_session` or an earlier one."""
    its = (col(ForecastRow.symbol) == symbol) & (col(ForecastRow.target_session) <= last_session)
    return list(read(db, _unscored(FORECASTS).where(its).order_by(col(ForecastRow.seq))))


def _unscored(query: Any) -> Any:
    return query.outerjoin(ScoreRow, col(ScoreRow.forecast_id) == ForecastRow.id).where(
        col(ScoreRow.forecast_id).is_(None)
    )


def scored(db: Session) -> pl.DataFrame:
    """Return what tells a revised close: one row per scored forecast, with its newest realised close and revision."""
    columns = {
        "id": pl.String,
        "symbol": pl.String,
        "as_of": pl.Date,
        "target_session": pl.Date,
        "last_close": pl.Float64,
        "realised_close": pl.Float64,
        "revision": pl.Int64,
    }
    rows = [col(getattr(ScoreRow if name in Score.model_fields else ForecastRow, name)) for name in columns]
    found = db.connection().execute(with_score(select(*rows)).where(col(ScoreRow.revision).is_not(None)))
    return pl.DataFrame([tuple(row) for row in found], schema=columns, orient="row")


def add_scores(db: Session, scores: Sequence[Score]) -> int:
    """Write scores inside the caller's write transaction, and return how many were new; each is written once."""
    chain.lock(db, ScoreRow)
    new: list[Score] = []
    for part in chunks(scores):
        query = select(ScoreRow.forecast_id, ScoreRow.revision)
        known = set(db.exec(query.where(col(ScoreRow.forecast_id).in_([one.forecast_id for one in part]))))
        new += [score for score in part if (score.forecast_id, score.revision) not in known]
    chain.append(db, ScoreRow, new)
    return len(new)
