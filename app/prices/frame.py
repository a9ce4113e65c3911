"""The bar frame: the one shape in which prices travel between rooms."""

from __future__ import annotations

from typing import Final, Literal, get_args

import polars as pl

from app.core.errors import BadInput

INSTANT: Final = pl.Datetime("us", "UTC")

BAR_SCHEMA: Final[dict[str, pl.DataType]] = {
    "symbol": pl.String(),
    "session": pl.Date(),
    "open": pl.Float64(),
    "high": pl.Float64(),
    "low": pl.Float64(),
    "close": pl.Float64(),
    "volume": pl.Int64(),
    "adj_close": pl.Float64(),
}
"""A bar frame's columns: prices split-adjusted as the source gives them; only `adj_close` may be null."""

ACTION_SCHEMA: Final[dict[str, pl.DataType]] = {
    "session": pl.Date(),
    "kind": pl.String(),
    "value": pl.Float64(),
}
"""Splits and dividends of one symbol: `split` with its ratio (4.0 is four for one), `dividend` an amount a share."""

REPORTED_SCHEMA: Final[dict[str, pl.DataType]] = {
    "symbol": pl.String(),
    "date": pl.Date(),
    "timing": pl.String(),
    "known_at": INSTANT,
}
"""Earnings days as a source or file reports them, one row a (symbol, date); `known_at` is null where it gives none."""

EVENT_SCHEMA: Final[dict[str, pl.DataType]] = {**REPORTED_SCHEMA, "ended_at": INSTANT}
"""Earnings days by (symbol, date, known_at), sorted so: `timing` is one of `TIMINGS`, `known_at` the instant
from which the day counts as known, `ended_at` the one from which it is believed no more (moved, vanished or reported
better), null until then. Rows of one symbol and date never overlap in time."""

Timing = Literal["amc", "bmo", "unknown"]
TIMINGS: Final[tuple[Timing, ...]] = get_args(Timing)
"""After the close, so that the next session reacts; before the open, so that the day's own does; or not known."""

PRICES: Final = ("open", "high", "low", "close")
VALUES: Final = (*PRICES, "volume", "adj_close")
"""What a bar says of its session."""


def conform(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with exactly the columns of `BAR_SCHEMA`, cast, sorted by (symbol, session).

    `adj_close` may be missing. Values aren't judged here: `checks` does that.
    Errors: `BadInput` when another column is missing or can't be cast.
    """
    if "adj_close" not in frame.columns:
        frame = frame.with_columns(pl.lit(None, pl.Float64).alias("adj_close"))
    if missing := [name for name in BAR_SCHEMA if name not in frame.columns]:
        raise BadInput(f"a bar frame has no column {missing[0]!r}; it has {', '.join(frame.columns)}")
    try:
        cast = frame.select(pl.col(name).cast(dtype) for name, dtype in BAR_SCHEMA.items())
    except pl.exceptions.InvalidOperationError as error:
        raise BadInput(f"a bar frame's column has another type: {str(error).splitlines()[0]}") from error
    return cast.sort("symbol", "session")


def no_actions() -> pl.DataFrame:
    """Return an action frame without rows."""
    return pl.DataFrame(schema=ACTION_SCHEMA)
