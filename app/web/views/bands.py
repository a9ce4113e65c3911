"""Past forecasts beside what came of them: each session's 80 % band, on the basis that prices have today."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

import polars as pl
from sqlmodel import Session

from app.forecasts.ledger import records
from app.forecasts.ledger.records import Entry

LEVEL = 0.8
_SCHEMA = {"session": pl.Date, "lower": pl.Float64, "upper": pl.Float64, "close": pl.Float64, "held": pl.Boolean}


def past_bands(db: Session, symbol: str, bars: pl.DataFrame) -> pl.DataFrame:
    """Return one row per bar whose session was forecast and scored; what was made live goes before a replay."""
    if bars.is_empty():
        return pl.DataFrame(schema=_SCHEMA)
    closes: dict[date, float] = dict(bars.select("session", "close").iter_rows())
    entries = records.page(db, symbol, start=min(closes), end=max(closes), limit=records.PAGE_LIMIT).entries
    chosen: dict[date, Entry] = {}
    for one in sorted(entries, key=lambda entry: entry.forecast.origin != "live"):
        chosen.setdefault(one.forecast.target_session, one)
    return pl.DataFrame(list(_rows(chosen.values(), closes)), schema=_SCHEMA, orient="row").sort("session")


def _rows(entries: Iterable[Entry], closes: Mapping[date, float]) -> Iterator[tuple[date, float, float, float, bool]]:
    for one in entries:
        close = closes.get(one.forecast.target_session)
        if close is None or one.score is None:
            continue
        band, ratio = one.forecast.interval(LEVEL), close / one.score.realised_close
        yield one.forecast.target_session, band.lower * ratio, band.upper * ratio, close, one.score.hit_80
