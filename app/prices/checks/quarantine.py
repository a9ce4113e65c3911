"""Bars that failed a check: held with their reason, until a person or a later fetch decides."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import polars as pl
from sqlmodel import Session, col, select

from app.core.clock import Calendar
from app.core.errors import BadInput, NotThere
from app.core.public import day
from app.prices.checks import rules
from app.prices.frame import BAR_SCHEMA, PRICES, VALUES
from app.prices.store import sql, write
from app.prices.store.tables import DROPPED, HELD, QuarantineRow

RELEASED: Final = "released"
CLEARED: Final = "cleared"
CONFIRMED: Final = "confirmed"
PASSED: Final = (RELEASED, CONFIRMED)
"""Let into the store in spite of the rule: by a person, or because the source said the same at a second look."""
SECOND_LOOK: Final = 5
"""So many sessions after a reverting jump was held its source is looked at again: wrong closes are mended in days."""
_COLUMNS: Final = (*rules.HELD_SCHEMA, "source", "fetched_at", "state")


def listing(
    db: Session, state: str | None = HELD, limit: int = 1000, symbol: str | None = None
) -> Sequence[QuarantineRow]:
    """Return the bars in quarantine, of all symbols or one, newest session first."""
    query = select(QuarantineRow).order_by(col(QuarantineRow.session).desc(), col(QuarantineRow.symbol)).limit(limit)
    if state is not None:
        query = query.where(QuarantineRow.state == state)
    if symbol is not None:
        query = query.where(QuarantineRow.symbol == symbol)
    return db.exec(query).all()


def add(db: Session, held: pl.DataFrame, source: str, at: datetime) -> pl.DataFrame:
    """Put bars that failed (`rules.HELD_SCHEMA`) into quarantine; return those that have been let pass before.

    A bar that was held or dropped with the same values isn't entered again.
    """
    if held.is_empty():
        return held.select(*BAR_SCHEMA)
    write.ensure_symbols(db, held["symbol"].unique().to_list(), at)
    known = _decided(db, held)
    same = pl.all_horizontal(_is_equal(pl.col(name), pl.col(f"{name}_known")) for name in VALUES[:-1])
    both = held.join(known, on=["symbol", "session"], how="left", suffix="_known", maintain_order="left")
    seen = both.filter(same & pl.col("state").is_not_null())
    new = held.join(seen, on=["symbol", "session"], how="anti")
    _enter(db, new, source, at)
    return seen.filter(pl.col("state").is_in(PASSED)).unique(["symbol", "session"]).select(*BAR_SCHEMA)


def _is_equal(value: pl.Expr, known: pl.Expr) -> pl.Expr:
    """Say whether two values are one, nulls included; single-precision floats and their decimals are."""
    near = (value - known).abs() <= write.PRICE_TOLERANCE * known.abs()
    return value.eq_missing(known) | near.fill_null(value=False)


def second_looks(db: Session, symbol: str, exchange: Calendar, now: datetime) -> Sequence[QuarantineRow]:
    """Return the symbol's held jumps that were made good the day after, where it is time to ask the source again."""
    held = select(QuarantineRow).where(QuarantineRow.symbol == symbol, QuarantineRow.state == HELD)
    query = held.where(QuarantineRow.rule == rules.jump_reverts.name)
    return [
        entry
        for entry in db.exec(query).all()
        if exchange.sessions_behind(exchange.last_final(entry.fetched_at), now) >= SECOND_LOOK
    ]


def look_again(db: Session, entries: Sequence[QuarantineRow], bars: pl.DataFrame, now: datetime) -> int:
    """Confirm the held bars that the source's new answer still has, and drop its old word where it says otherwise.

    What the answer lacks is looked for again later. Returns how many were confirmed.
    """
    for entry in entries:
        answered = bars.filter(pl.col("session") == entry.session)
        same = answered.filter(_is_equal(pl.col(name), pl.lit(getattr(entry, name))) for name in VALUES[:-1])
        if answered.is_empty():
            entry.fetched_at = now
        else:
            entry.state, entry.decided_at = CLEARED if same.is_empty() else CONFIRMED, now
    db.flush()  # what follows reads by plain statements
    return sum(entry.state == CONFIRMED for entry in entries)


def _decided(db: Session, held: pl.DataFrame) -> pl.DataFrame:
    """Return what quarantine already has of these symbols, the newest entry of each session."""
    known = sql.frame(
        db,
        f"SELECT {sql.BAR_COLUMNS}, state FROM quarantine WHERE symbol IN {sql.among(db)} AND state <> ? ORDER BY id",
        [_listed(held), CLEARED],
        {**BAR_SCHEMA, "state": pl.String()},
    )
    return known.unique(["symbol", "session"], keep="last")


def _listed(bars: pl.DataFrame) -> str:
    return json.dumps(bars["symbol"].unique().to_list())


def _enter(db: Session, held: pl.DataFrame, source: str, at: datetime) -> None:
    moment = sql.instant(db, at)
    finite = held.with_columns(pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in PRICES)
    rows = finite.select(*rules.HELD_SCHEMA).with_columns(pl.col("session").cast(pl.String)).rows()
    sql.change_many(
        db,
        f"INSERT INTO quarantine ({', '.join(_COLUMNS)}) VALUES ({sql.marks(len(_COLUMNS))})",
        [(*row, source, moment, HELD) for row in rows],
    )


def clear(db: Session, bars: pl.DataFrame, at: datetime) -> None:
    """Note that these bars passed after all: what was held of their sessions waits no longer."""
    waiting = sql.frame(
        db,
        f"SELECT DISTINCT symbol, session FROM quarantine WHERE symbol IN {sql.among(db)} AND state = ?",
        [_listed(bars), HELD],
        {"symbol": pl.String(), "session": pl.Date()},
    )
    passed = waiting.join(bars, on=["symbol", "session"], how="semi")
    moment = sql.instant(db, at)
    sql.change_many(
        db,
        "UPDATE quarantine SET state = ?, decided_at = ? WHERE state = ? AND symbol = ? AND session = ?",
        [(CLEARED, moment, HELD, symbol, sql.day(session)) for symbol, session in passed.iter_rows()],
    )


def release(db: Session, ids: Sequence[int], now: datetime) -> int:
    """Store held bars in spite of the rule they failed; return how many.

    Errors: `NotThere` for an unknown id, `BadInput` for a bar with a missing value or that was decided before.
    """
    for held in (_waiting(db, number) for number in ids):
        values = {name: getattr(held, name) for name in BAR_SCHEMA}
        if any(values[name] is None for name in (*PRICES, "volume")):
            raise BadInput(f"{held.symbol} of {day(held.session)} lacks a value and can only be dropped")
        bar = pl.DataFrame([values], schema=BAR_SCHEMA)
        write.upsert(db, bar, held.source, now, reason=f"released from quarantine ({held.rule})")
        held.state, held.decided_at = RELEASED, now
    return len(ids)


def drop(db: Session, ids: Sequence[int], now: datetime) -> int:
    """Decide that held bars stay out, also when the source sends them again; return how many."""
    for held in (_waiting(db, number) for number in ids):
        held.state, held.decided_at = DROPPED, now
    return len(ids)


def get(db: Session, number: int) -> QuarantineRow:
    """Return one entry. Errors: `NotThere`."""
    held = db.get(QuarantineRow, number)
    if held is None:
        raise NotThere(f"quarantine has no entry {number}; /data and `nextclose doctor data` list them")
    return held


def _waiting(db: Session, number: int) -> QuarantineRow:
    held = get(db, number)
    if held.state != HELD:
        raise BadInput(f"entry {number} ({held.symbol} of {day(held.session)}) is {held.state} already")
    return held
