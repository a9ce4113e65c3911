"""The target: what a forecast made at a session's close is later measured against."""

from __future__ import annotations

import polars as pl

from app.core.clock import Calendar
from app.features.engine.panel import next_sessions


def target_return(bars: pl.DataFrame, calendar: Calendar) -> pl.DataFrame:
    """Return the log return of the close from each bar's session to the exchange's next session.

    Columns symbol, session, target_session (Date), return_log (Float64); one row per bar, sorted by (symbol, session),
    the order of `frame.build`. The return is null where the next session's bar is missing: at the newest bar, and
    before a hole. Closes are split-adjusted, not dividend-adjusted.
    """
    symbol, session, close = (pl.col(name).shift(-1) for name in ("symbol", "session", "close"))
    whole = (symbol == pl.col("symbol")) & (session == pl.col("target_session"))
    return (
        bars.select("symbol", "session", "close")
        .with_columns(target_session=pl.Series(next_sessions(bars["session"].to_numpy(), calendar)))
        .sort("symbol", "session")
        .select(
            "symbol",
            "session",
            "target_session",
            return_log=pl.when(whole).then((close / pl.col("close")).log()),
        )
    )
