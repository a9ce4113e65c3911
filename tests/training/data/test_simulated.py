"""Simulated markets look like markets."""

import polars as pl

from app.training.data import simulated


def test_simulated_markets_are_bars_that_cluster() -> None:
    """Highs hold opens and closes; squared returns are correlated from one session to the next, returns hardly."""
    bars = simulated.market(1, symbols=20, sessions=900)
    assert (bars["high"] >= bars.select(pl.max_horizontal("open", "close")).to_series()).all()
    assert (bars["low"] <= bars.select(pl.min_horizontal("open", "close")).to_series()).all()
    returns = (
        bars.select("symbol", r=pl.col("close").log().diff().over("symbol"))
        .with_columns(s=pl.col("r") ** 2)
        .with_columns(r1=pl.col("r").shift().over("symbol"), s1=pl.col("s").shift().over("symbol"))
    )
    linear, squared = returns.select(pl.corr("r", "r1"), pl.corr("s", "s1").alias("s")).row(0)
    assert abs(linear) < 0.03
    assert squared > 0.08
