"""What stands around a bar, and what of it speaks for a move that is made good the day after.

In: bars, those stored before them, and the market's moves. Out: the columns (beginning with `_`) that the rules read.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from app.prices.frame import BAR_SCHEMA, PRICES

_HALF_WAY: Final = 0.5
MARKET: Final = 10
"""So many symbols at least say what the whole market did."""


def is_busy() -> pl.Expr:
    """Say whether the session traded 2.5 times its usual volume, and the next one 1.5 times: two days of news.

    Usual is the median of the 60 sessions before. A bar of another day brings that day's volume, but the session after
    it is as quiet as ever: of planted ones 0.9 % pass here.
    """
    usual = pl.col("_usual_volume")
    busy = (pl.col("volume") >= 2.5 * usual) & (pl.col("_next_volume") >= 1.5 * usual) & (usual > 0)
    return busy.fill_null(value=False)


def is_walked() -> pl.Expr:
    """Say whether less than half of the way there, or of the way back, lies between a close and the next open.

    The session's own path then joins one neighbour's: it was traded. Of planted bars of other days 0.1 % pass here.
    """
    there = (pl.col("open") / pl.col("_last_close")).log() / (pl.col("close") / pl.col("_last_close")).log()
    back = (pl.col("_next_open") / pl.col("close")).log() / (pl.col("_next_close") / pl.col("close")).log()
    return (pl.min_horizontal(there, back) < _HALF_WAY).fill_null(value=False)


def with_neighbours(bars: pl.DataFrame, known: pl.DataFrame | None, market: pl.DataFrame | None) -> pl.DataFrame:
    """Add what the second kind of rule looks at: next and last bar, the level and the usual range around."""
    new = bars.select(*BAR_SCHEMA).with_columns(pl.lit(value=False).alias("_known"))
    if known is not None and not known.is_empty():
        before = known.select(*BAR_SCHEMA).join(new, on=["symbol", "session"], how="anti")
        new = pl.concat([before.with_columns(pl.lit(value=True).alias("_known")), new])
    new = new.sort("symbol", "session")
    span = (pl.col("high") / pl.col("low")).log()
    frame = new.with_columns(
        *(pl.col(name).shift(-1).over("symbol").alias(f"_next_{name}") for name in (*PRICES, "volume")),
        *(pl.col(name).shift(1).over("symbol").alias(f"_last_{name}") for name in PRICES),
        pl.col("_known").shift(1).over("symbol").fill_null(value=False).alias("_last_known"),
        pl.col("session").shift(-1).over("symbol").alias("_repeated"),
        pl.col("close").rolling_median(11, center=True, min_samples=1).over("symbol").alias("_level"),
        span.rolling_median(60, min_samples=5).over("symbol").alias("_span"),
        pl.struct("symbol", *PRICES).is_duplicated().alias("_copied"),
        _usual_volume=pl.col("volume").cast(pl.Float64).rolling_median(60, min_samples=5).shift(1).over("symbol"),
    )
    above = (pl.col("low") / pl.max_horizontal("_last_high", "_next_high")).log()
    below = (pl.min_horizontal("_last_low", "_next_low") / pl.col("high")).log()
    inside = pl.col("_last_high").is_not_null() & pl.col("_next_high").is_not_null()
    apart = pl.when(inside).then(pl.max_horizontal(above, below))
    return _with_market(frame.with_columns(apart.alias("_apart")), market).filter(~pl.col("_known"))


def _with_market(frame: pl.DataFrame, market: pl.DataFrame | None) -> pl.DataFrame:
    """Add `_market`: how far, in logs, the whole market went the session's way and came back the day after."""
    if market is None:
        return frame.with_columns(pl.lit(0.0).alias("_market"))
    direction = (pl.col("close") - pl.col("_last_close")).sign()
    move = pl.col("move").fill_null(0.0)
    both = pl.min_horizontal(direction * move, -direction * move.shift(-1, fill_value=0.0).over("symbol"))
    return frame.join(market, on="session", how="left", maintain_order="left").with_columns(
        both.clip(lower_bound=0.0).fill_null(0.0).alias("_market")
    )


def market_moves(bars: pl.DataFrame) -> pl.DataFrame:
    """Return the median move of these symbols' closes since the row before, in logs: (session, move).

    Sessions on which fewer than `MARKET` symbols have a bar are left out: so few are no market.
    """
    before = pl.col("close").shift(1).over("symbol", order_by="session")
    moves = bars.with_columns((pl.col("close") / before).log().alias("move")).drop_nulls("move")
    return moves.group_by("session").agg(pl.col("move").median(), pl.len()).filter(pl.col("len") >= MARKET).drop("len")
