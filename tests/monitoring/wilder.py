"""A market that turns wilder: from one session on every move, within the day and over night, grows by a factor."""

from datetime import date

import polars as pl

PRICES = ("open", "high", "low", "close")


def wilder(bars: pl.DataFrame, since: date, factor: float = 3.0) -> pl.DataFrame:
    """Return bars whose logs' distances from the close before are multiplied from session `since` on."""
    before = pl.col("close").shift(1).over("symbol")
    grown = pl.when(pl.col("session") >= since).then(factor).otherwise(1.0)
    moved = bars.with_columns(
        **{f"{name}_move": (pl.col(name) / before).log().fill_null(0.0) * grown for name in PRICES},
        start=pl.col("close").first().over("symbol"),
    )
    level = pl.col("start") * pl.col("close_move").cum_sum().over("symbol").exp()
    walked = moved.with_columns(level=level)
    past = pl.col("level").shift(1).over("symbol").fill_null(pl.col("start"))
    prices = {name: past * pl.col(f"{name}_move").exp() for name in PRICES}
    first = pl.col("session") == pl.col("session").first().over("symbol")
    kept = {name: pl.when(first).then(pl.col(name)).otherwise(price) for name, price in prices.items()}
    return walked.with_columns(**kept).with_columns(adj_close="close").select(bars.columns)
