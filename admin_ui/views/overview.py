"""Overview: how far each symbol may go next, what is served, and whether it is well."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import polars as pl
import streamlit as st

from admin_ui import client
from admin_ui.views import HUNDREDTHS, LEGEND, MARGIN, Written, failures_shown, grid, moment, price, share

COLUMNS = {
    "symbol": "Symbol",
    "name": "Name",
    "last_close": "Last close",
    "expected_move": "Expected move",
    "usual_move": "Usual move",
    "move_ratio": "Against usual",
    "chance_beyond_2": "Beyond 2 %",
    "chance_beyond_5": "Beyond 5 %",
    "lower_80": "80 % from",
    "upper_80": "80 % to",
    "results": "Next results",
    "tested_crps_skill": "Tested skill",
    "problem": "Problem",
}
_SHARES = ("expected_move", "usual_move", "chance_beyond_2", "chance_beyond_5", "tested_crps_skill")
_WRITTEN: Written = {
    **{COLUMNS[name]: share for name in _SHARES},
    **{COLUMNS[name]: price for name in ("last_close", "lower_80", "upper_80")},
    COLUMNS["move_ratio"]: HUNDREDTHS,
    COLUMNS["results"]: moment,
}
_MOST_DRAWN = 20


def show() -> None:
    """Draw the view."""
    st.title("Overview")
    with failures_shown():
        rows = client.outlooks()
        if all(row["last_close"] is None for row in rows):
            st.info("No prices are stored yet. The service fetches them on its first run.")
            return
        _health(client.monitoring())
        drawn = [row for row in rows if row["expected_move"] is not None]
        if drawn:
            st.subheader("Expected move of the next session, beside the usual one")
            if len(drawn) > _MOST_DRAWN:
                st.caption(f"The {_MOST_DRAWN} symbols that may go furthest against their usual; the table has all.")
            st.plotly_chart(figure(drawn[:_MOST_DRAWN]), width="stretch", key="moves")
        grid(table(rows), _WRITTEN)


def _health(report: dict[str, Any] | None) -> None:
    """Say what monitoring found last."""
    if report is None:
        st.caption("Monitoring hasn't looked yet: it does after the first session that is scored.")
        return
    say = {"healthy": st.success, "watch": st.warning, "degraded": st.error}[report["verdict"]]
    say(f"**{report['verdict'].capitalize()}.** " + " ".join(report["reasons"]))


def table(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Return the outlooks as a frame with readable columns, in the order given; none in which nothing is known."""
    shown = [{**row, "results": row["event"] and row["event"]["date"]} for row in rows]
    known = {name: title for name, title in COLUMNS.items() if any(row[name] is not None for row in shown)}
    return pl.DataFrame(
        [{title: row[name] for name, title in known.items()} for row in shown], infer_schema_length=None
    )


def figure(rows: list[dict[str, Any]]) -> go.Figure:
    """Draw each symbol's expected move as a dot, and the usual one as a tick, widest against usual first."""
    names = [row["symbol"] for row in rows]
    chart = go.Figure(
        [
            go.Bar(x=names, y=[row["expected_move"] for row in rows], name="expected", marker_color="#8e9cea"),
            go.Scatter(
                x=names,
                y=[row["usual_move"] for row in rows],
                name="usual",
                mode="markers",
                marker={"symbol": "line-ew-open", "size": 14, "color": "#8a919d", "line": {"width": 2}},
            ),
        ]
    )
    chart.update_xaxes(dtick=1)
    chart.update_yaxes(tickformat=".1%", rangemode="tozero")
    chart.update_layout(height=320, margin=MARGIN, legend=LEGEND)
    return chart
