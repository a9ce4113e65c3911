"""Dividends restate `adj_close` of a whole history by one factor: the factor is kept, not a copy of every bar.

Such bars stay what they are but for `adj_close`; when they were fetched stays too. What they were before is the value
of today times every factor that came after, to within `TOLERANCE`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import polars as pl
from sqlmodel import Session

from app.prices.frame import PRICES
from app.prices.store import sql

FEWEST: Final = 20
"""Fewer bars than this that changed alike are kept bar by bar."""
TOLERANCE: Final = 1e-5
"""Two values of `adj_close` closer than this (relative) are one, and so are two factors: each is a product of many
rounded ones, and the smallest real dividend moves it more."""


def split(changed: pl.DataFrame, known: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the changed bars that one factor a symbol explains, with it as `factor`, and the others.

    `changed` has each bar beside the stored one, whose columns end in `_known`; `known` are all stored ones. A factor
    stands for a stretch of sessions only where every stored bar in it has changed.
    """
    same = pl.all_horizontal(pl.col(name) == pl.col(f"{name}_known") for name in (*PRICES, "volume"))
    ratio = pl.when(same & (pl.col("adj_close") > 0)).then(pl.col("adj_close_known") / pl.col("adj_close"))
    marked = changed.with_columns(ratio=ratio).with_columns(factor=pl.col("ratio").median().over("symbol"))
    alike = marked.filter(((pl.col("ratio") / pl.col("factor") - 1).abs() <= TOLERANCE).fill_null(value=False))
    first, last = pl.col("session").min().alias("first"), pl.col("session").max().alias("last")
    spans = alike.group_by("symbol").agg(pl.len(), first, last)

    def inside(bars: pl.DataFrame) -> pl.DataFrame:
        within = bars.join(spans, on="symbol").filter(pl.col("session").is_between("first", "last"))
        return within.group_by("symbol").agg(pl.len().alias("inside"))

    whole = inside(changed).join(inside(known.filter(pl.col("adj_close").is_not_null())), on=["symbol", "inside"])
    chosen = alike.join(spans.filter(pl.col("len") >= FEWEST).join(whole, on="symbol"), on="symbol", how="semi")
    return chosen, changed.join(chosen, on=["symbol", "session"], how="anti")


def restate(db: Session, bars: pl.DataFrame, at: datetime) -> None:
    """Store the new `adj_close` of bars that `split` returned, and each symbol's factor."""
    if bars.is_empty():
        return
    values = bars.select("adj_close", "symbol", pl.col("session").cast(pl.String)).rows()
    sql.change_many(db, "UPDATE bar SET adj_close = ? WHERE symbol = ? AND session = ?", values)
    spans = bars.group_by("symbol", maintain_order=True).agg(
        pl.col("session").min().cast(pl.String).alias("first"),
        pl.col("session").max().cast(pl.String).alias("last"),
        pl.col("factor").first(),
    )
    rows = [(*span, sql.instant(db, at)) for span in spans.rows()]
    insert = f"INSERT INTO adjustment (symbol, first, last, factor, replaced_at) VALUES ({sql.marks(5)})"
    sql.change_many(db, insert, rows)


def undone(db: Session, symbol: str, bars: pl.DataFrame, at: datetime) -> pl.DataFrame:
    """Return a symbol's bars with `adj_close` as it was at an instant.

    `bars` has `replaced_at`: until when each held its values, null where it still does.
    """
    query = "SELECT first, last, factor, replaced_at FROM adjustment WHERE symbol = ? AND replaced_at > ?"
    for first, last, factor, moment in sql.run(db, query, [symbol, sql.instant(db, at)]):
        later = pl.col("replaced_at").is_null() | (pl.col("replaced_at") > sql.to_instant(moment))
        touched = pl.col("session").is_between(sql.to_date(first), sql.to_date(last)) & later
        bars = bars.with_columns(adj_close=pl.when(touched).then(pl.col("adj_close") * factor).otherwise("adj_close"))
    return bars.drop("replaced_at")
