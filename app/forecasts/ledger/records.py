"""The ledger: every forecast as it was made, and how it came out; append-only (`chain`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from sqlalchemy import String, bindparam
from sqlalchemy import select as sql_select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, func, select

from app.core.errors import BadInput, NotThere
from app.forecasts.ledger import chain
from app.forecasts.ledger.forecast import PUBLIC, Forecast, Origin, Score
from app.forecasts.ledger.tables import ForecastRow, ScoreRow
from app.registry.promotion.decisions import withdrawn

PAGE_LIMIT = 1000

FORECASTS = sql_select(*(col(getattr(ForecastRow, name)) for name in Forecast.model_fields))
"""Asked for as columns, which are read in half the time of mapped rows."""
LIVE_FIRST = col(ForecastRow.origin), col(ForecastRow.seq).desc()
"""The order in which a forecast that was made live goes before a replay, and a later one before an earlier."""
_AS_OF = FORECASTS.where(
    col(ForecastRow.symbol).in_(bindparam("symbols", expanding=True)),
    col(ForecastRow.as_of).in_(bindparam("sessions", expanding=True)),
    col(ForecastRow.origin).in_(PUBLIC),
).order_by(*LIVE_FIRST)
"""Asked for each symbol's page: to build a statement costs thrice as much as to run it."""
_AS_OF_BY = _AS_OF.where(col(ForecastRow.model_version) == bindparam("version", type_=String))
_NEWEST_SEQ = select(func.max(ForecastRow.seq))
_CHUNK = 400
_LONGEST_NUMBER = 18
"""Digits that every database takes for an integer."""
T = TypeVar("T")


@dataclass(frozen=True)
class Entry:
    """A forecast as kept, and its score once its close is known."""

    forecast: Forecast
    score: Score | None


@dataclass(frozen=True)
class Page:
    """Some entries, newest first; `cursor` asks for the ones after them, None at the end."""

    entries: tuple[Entry, ...]
    cursor: str | None


def append(db: Session, forecasts: Sequence[Forecast]) -> list[Forecast]:
    """Keep forecasts inside the caller's write transaction; return them as they stand in the ledger, in order.

    One that the ledger already has (same symbol, as_of, model version and origin) is not written again: the earlier
    one is returned.
    """
    chain.lock(db, ForecastRow)
    kept = {_key(forecast): forecast for forecast in _alike(db, forecasts)}
    new = [forecast for forecast in forecasts if kept.setdefault(_key(forecast), forecast) is forecast]
    chain.append(db, ForecastRow, new)
    return [kept[_key(forecast)] for forecast in forecasts]


def seed(db: Session, forecasts: Iterable[Forecast]) -> int:
    """Keep forecasts of which the ledger has none like it, made one at a time as they are written; return how many."""
    chain.lock(db, ForecastRow)
    return chain.append(db, ForecastRow, forecasts)


def as_of(db: Session, sessions: Mapping[str, date], model_version: str | None) -> dict[str, Forecast]:
    """Return what a model version forecast as of each symbol's session; a live one goes before a replayed one.

    Without a version, the newest of whichever model made one and wasn't withdrawn. What was forecast in shadow is no
    answer.
    """
    found: dict[str, Forecast] = {}
    fallen = withdrawn(db) if model_version is None else set()
    for symbols in chunks(list(sessions)):
        asked = {"symbols": symbols, "sessions": list({sessions[symbol] for symbol in symbols})}
        by = {} if model_version is None else {"version": model_version}
        for one in read(db, _AS_OF_BY if by else _AS_OF, asked | by):
            if one.as_of == sessions[one.symbol] and one.model_version not in fallen:
                found.setdefault(one.symbol, one)
    return found


def read(db: Session, query: Any, values: Mapping[str, Any] | None = None) -> Iterator[Forecast]:
    """Yield the forecasts that a query of `FORECASTS` finds."""
    for row in db.connection().execute(query, values).mappings():
        yield Forecast.model_validate(dict(row))


def last_of(db: Session, symbols: Sequence[str], model_version: str | None = None) -> dict[str, Forecast]:
    """Return each symbol's last forecast, of a model version or of any, whatever it was made as of."""
    found: dict[str, Forecast] = {}
    for part in chunks(symbols):
        its = col(ForecastRow.symbol).in_(part), col(ForecastRow.origin).in_(PUBLIC)
        ends = select(func.max(ForecastRow.seq)).where(*its).group_by(ForecastRow.symbol)
        ends = ends if model_version is None else ends.where(ForecastRow.model_version == model_version)
        newest = FORECASTS.where(col(ForecastRow.seq).in_(ends))
        found |= {one.symbol: one for one in read(db, newest)}
    return found


def of_ids(db: Session, ids: Sequence[str]) -> list[Forecast]:
    """Return the forecasts with these ids."""
    queries = [FORECASTS.where(col(ForecastRow.id).in_(part)) for part in chunks(ids)]
    return [one for query in queries for one in read(db, query)]


def page(
    db: Session,
    symbol: str | None = None,
    model: str | None = None,
    start: date | None = None,
    end: date | None = None,
    origin: Origin | None = None,
    limit: int = 100,
    cursor: str | None = None,
) -> Page:
    """Return entries newest first; `model` is a name or a version, `start` and `end` bound the target session.

    Without an origin both live and replayed ones, each of which says what it is; those in shadow only when asked for.

    Errors: `BadInput` for a cursor that this function didn't give.
    """
    size = min(max(limit, 1), PAGE_LIMIT)
    query = _entries().order_by(col(ForecastRow.seq).desc()).limit(size + 1)
    query = chosen(query, symbol, model, start, end)
    query = query.where(col(ForecastRow.origin).in_(PUBLIC if origin is None else (origin,)))
    if cursor is not None:
        if not cursor.isdecimal() or len(cursor) > _LONGEST_NUMBER:
            raise BadInput(f"cursor {cursor!r} isn't one that a page of forecasts gave")
        query = query.where(col(ForecastRow.seq) < int(cursor))
    rows = db.exec(query).all()
    shown = rows[:size]
    return Page(
        entries=tuple(_entry(*row) for row in shown),
        cursor=str(shown[-1][0].seq) if len(shown) < len(rows) else None,
    )


def get(db: Session, forecast_id: str) -> Entry:
    """Return one entry. Errors: `NotThere`."""
    found = db.exec(_entries().where(ForecastRow.id == forecast_id)).first()
    if found is None:
        raise NotThere(f"the ledger has no forecast with the id {forecast_id!r}")
    return _entry(*found)


def newest_seq(db: Session) -> int:
    """Return the number of the newest row; 0 where there is none."""
    return int(db.connection().execute(_NEWEST_SEQ).scalar() or 0)


def made_after(db: Session, seq: int) -> set[tuple[str, str]]:
    """Return the symbols and model versions of the rows after this number; none of those made in shadow."""
    its = col(ForecastRow.seq) > seq, col(ForecastRow.origin).in_(PUBLIC)
    return set(db.exec(select(ForecastRow.symbol, ForecastRow.model_version).where(*its).distinct()))


def is_forecast(db: Session, session: date) -> bool:
    """Say whether any live forecast was made as of this session."""
    its = ForecastRow.as_of == session, ForecastRow.origin == "live"
    return db.exec(select(ForecastRow.seq).where(*its).limit(1)).first() is not None


def count(db: Session, *origins: Origin, after: int = 0, version: str | None = None) -> int:
    """Return how many forecasts the ledger holds after a row's number, of these origins or all, of a version or all."""
    query = select(func.count()).select_from(ForecastRow).where(col(ForecastRow.seq) > after)
    query = query.where(col(ForecastRow.origin).in_(origins)) if origins else query
    return int(db.exec(query if version is None else query.where(ForecastRow.model_version == version)).one())


def with_score(query: Any) -> Any:
    """Return a query over forecasts with each one's newest score beside it, or None."""
    each = aliased(ScoreRow)
    newest = select(func.max(each.revision)).where(col(each.forecast_id) == ForecastRow.id)
    its = (col(ScoreRow.forecast_id) == ForecastRow.id) & (col(ScoreRow.revision) == newest.scalar_subquery())
    return query.outerjoin(ScoreRow, its)


def _entries() -> Any:
    return with_score(select(ForecastRow, ScoreRow))


def chosen(
    query: Any, symbol: str | None, model: str | None, start: date | None = None, end: date | None = None
) -> Any:
    """Return a query over forecasts with what was asked as its conditions."""
    if symbol is not None:
        query = query.where(ForecastRow.symbol == symbol)
    if model is not None:
        query = query.where((col(ForecastRow.model_name) == model) | (col(ForecastRow.model_version) == model))
    if start is not None:
        query = query.where(col(ForecastRow.target_session) >= start)
    if end is not None:
        query = query.where(col(ForecastRow.target_session) <= end)
    return query


def _alike(db: Session, forecasts: Sequence[Forecast]) -> list[Forecast]:
    """Return the ledger's forecasts of the same symbols, sessions and model versions."""
    found: list[Forecast] = []
    for part in chunks(forecasts):
        query = FORECASTS.where(
            col(ForecastRow.symbol).in_({one.symbol for one in part}),
            col(ForecastRow.as_of).in_({one.as_of for one in part}),
            col(ForecastRow.model_version).in_({one.model_version for one in part}),
        )
        found += read(db, query)
    return found


def _key(forecast: Forecast) -> tuple[str, date, str, str]:
    return forecast.symbol, forecast.as_of, forecast.model_version, forecast.origin


def _entry(row: ForecastRow, score: ScoreRow | None) -> Entry:
    return Entry(Forecast.model_validate(row), None if score is None else Score.model_validate(score))


def chunks(items: Sequence[T]) -> list[Sequence[T]]:
    """Cut a list into pieces that one statement may bind."""
    return [items[at : at + _CHUNK] for at in range(0, len(items), _CHUNK)]
