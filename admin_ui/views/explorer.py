"""Explorer: several symbols beside each other: rebased, correlated, and how their returns are spread."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl
import streamlit as st

from admin_ui import client
from admin_ui.views import LEGEND, MARGIN, failures_shown

MOST = 8
RANGES = {"3M": 63, "6M": 126, "1Y": 252, "5Y": 1260}


def show() -> None:
    """Draw the view."""
    st.title("Explorer")
    with failures_shown():
        stored = [one["symbol"] for one in client.symbols()]
        if not stored:
            st.info("No prices are stored yet. The service fetches them on its first run.")
            return
        left, right = st.columns([3, 2])
        chosen = left.multiselect("Symbols", stored, default=stored[:3], max_selections=MOST)
        size = RANGES[right.segmented_control("Range", list(RANGES), default="1Y", required=True)]
        if not chosen:
            st.info("Choose a symbol, and others to compare it with.")
            return
        closes = together({symbol: client.closes(symbol) for symbol in chosen}, size)
        if closes.height < 2:  # noqa: PLR2004 - a return needs two closes
            st.info("These symbols have no two sessions in common.")
            return
        st.subheader("Rebased: 100 at the first session that all have")
        st.plotly_chart(rebased(closes), width="stretch", key="rebased")
        left, right = st.columns(2)
        left.subheader("Correlation of daily returns")
        left.plotly_chart(correlation(closes), width="stretch", key="correlation")
        right.subheader("Distribution of daily returns")
        right.plotly_chart(distribution(closes), width="stretch", key="distribution")


def together(closes: dict[str, pl.DataFrame], size: int) -> pl.DataFrame:
    """Return the closes of the newest sessions that all symbols have: session, and a column a symbol."""
    joined: pl.DataFrame | None = None
    for symbol, frame in closes.items():
        own = frame.select("session", pl.col("close").alias(symbol))
        joined = own if joined is None else joined.join(own, on="session", how="inner")
    return pl.DataFrame({"session": []}) if joined is None else joined.sort("session").tail(size)


def returns(closes: pl.DataFrame) -> pl.DataFrame:
    """Return the daily simple returns, a column a symbol."""
    return closes.drop("session").select(pl.all().pct_change()).drop_nulls()


def rebased(closes: pl.DataFrame) -> go.Figure:
    """Draw every symbol from 100."""
    chart = go.Figure(
        [
            go.Scatter(x=closes["session"].to_list(), y=(100 * closes[name] / closes[name][0]).to_list(), name=name)
            for name in closes.columns[1:]
        ]
    )
    chart.update_layout(height=380, margin=MARGIN, legend=LEGEND)
    return chart


def correlation(closes: pl.DataFrame) -> go.Figure:
    """Draw Pearson's correlation of each pair."""
    daily = returns(closes)
    matrix = [[daily.select(pl.corr(one, other)).item() for other in daily.columns] for one in daily.columns]
    texts = [[f"{value:.2f}" if value is not None else "" for value in row] for row in matrix]
    chart = go.Figure(
        go.Heatmap(
            z=matrix,
            x=daily.columns,
            y=daily.columns,
            zmin=-1,
            zmax=1,
            colorscale="RdBu",
            text=texts,
            texttemplate="%{text}",
        )
    )
    chart.update_yaxes(autorange="reversed")
    chart.update_layout(height=360, margin=MARGIN)
    return chart


def distribution(closes: pl.DataFrame) -> go.Figure:
    """Draw the histogram of each symbol's daily returns, all in the same bins."""
    daily = returns(closes)
    chart = go.Figure(
        [
            go.Histogram(x=daily[name].to_list(), name=name, opacity=0.55, nbinsx=60, bingroup="returns")
            for name in daily.columns
        ]
    )
    chart.update_xaxes(tickformat=".0%", title_text="daily return")
    chart.update_yaxes(title_text="sessions")
    chart.update_layout(height=360, barmode="overlay", margin=MARGIN, legend=LEGEND)
    return chart
