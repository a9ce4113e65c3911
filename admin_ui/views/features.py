"""Features: what a version makes of each, how far each moved, and how forecasts depend on one."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import polars as pl
import streamlit as st

from admin_ui import client
from admin_ui.views import HUNDREDTHS, MARGIN, Written, failures_shown, grid, moment, share

MOST_DRAWN = 25
KINDS = {
    "weight": "weight per standard deviation",
    "per unit": "weight per unit",
    "gain": "gain of its splits",
    "splits": "number of splits",
}
_DEPENDENCE = {"value": "Value", "expected_move": "Expected move", "predicted_return": "Expected return"}
_DRIFT: Written = {
    "Weight": share,
    **dict.fromkeys(("PSI, last month", "Most before", "Median moved, in IQRs"), HUNDREDTHS),
}


def show() -> None:
    """Draw the view."""
    st.title("Features")
    with failures_shown():
        known = client.models()
        versions = [one["version"] for one in known["models"]]
        index = versions.index(known["champion"]) if known["champion"] in versions else 0
        version = st.selectbox("Version", versions, index=index)
        rows = client.importance(version)
        _importance(rows)
        _dependence(version, [one["feature"] for one in rows])
        _drift(client.monitoring())


def _importance(rows: list[dict[str, Any]]) -> None:
    st.subheader("What the version makes of them")
    if not rows:
        st.info("This version reads no features.")
        return
    st.caption("As its artefact holds it. A weight per unit belongs to a feature of results, 0 on most days.")
    st.plotly_chart(importances(rows[:MOST_DRAWN]), width="stretch", key="importance")
    grid(importance_table(rows), {"Share": share})


def importance_table(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Return what the API says as a frame, to the digit."""
    return pl.DataFrame(
        [
            {
                "Part": one["part"],
                "Feature": one["feature"],
                "Value": one["value"],
                "Is": KINDS[one["kind"]],
                "Share": one["share"],
            }
            for one in rows
        ]
    )


def importances(rows: list[dict[str, Any]]) -> go.Figure:
    """Draw each feature's share of its part, the largest on top."""
    shown = rows[::-1]
    names = [f"{one['part']}: {one['feature']}" for one in shown]
    chart = go.Figure(go.Bar(x=[one["share"] for one in shown], y=names, orientation="h", marker_color="#8e9cea"))
    chart.update_xaxes(tickformat=".0%")
    chart.update_layout(height=80 + 20 * len(shown), margin=MARGIN)
    return chart


def _dependence(version: str, features: list[str]) -> None:
    """Draw how forecasts depend on the feature chosen; one that can't be worked out leaves the rest standing."""
    st.subheader("How forecasts depend on one")
    if not features:
        return
    feature = st.selectbox("Feature", list(dict.fromkeys(features)))
    try:
        found = client.dependence(version, feature)
    except client.ServiceFailed as error:
        st.warning(str(error))
        return
    if not found["points"]:
        st.info("This feature isn't known in the last year: nothing depends on it.")
        return
    st.caption(
        f"Partial dependence as of {moment(found['as_of'])}: means over {found['symbols']} symbols, all else as it is. "
        "The band holds the middle half of today's symbols."
    )
    st.plotly_chart(dependences(found), width="stretch", key="dependence")
    moves = {"expected_move": share, "predicted_return": share}
    grid(pl.DataFrame(found["points"], infer_schema_length=None), moves, _DEPENDENCE)


def dependences(found: dict[str, Any]) -> go.Figure:
    """Draw the expected move by the feature's value, and where today's symbols stand."""
    values = [one["value"] for one in found["points"]]
    moves = [one["expected_move"] for one in found["points"]]
    chart = go.Figure(go.Scatter(x=values, y=moves, mode="lines+markers", line={"color": "#5f6ed6"}))
    chart.add_vrect(x0=found["today"][0], x1=found["today"][2], fillcolor="#8e9cea", opacity=0.25, line_color="#8e9cea")
    chart.update_xaxes(title_text=found["feature"])
    chart.update_yaxes(tickformat=".2%", title_text="expected move")
    chart.update_layout(height=340, margin=MARGIN)
    return chart


def _drift(report: dict[str, Any] | None) -> None:
    st.subheader("How far they moved")
    if report is None or report["drift"] is None:
        st.info("Monitoring hasn't compared the features yet: it does after the first cycle with enough history.")
        return
    drift = report["drift"]
    st.caption(
        f"The last month beside the 24 before (PSI), weighted by what the champion makes of each: {drift['psi']:.2f}, "
        f"at most {drift['usual']:.2f} in those months. The largest effect first."
    )
    grid(drift_table(drift["features"]), _DRIFT)


def drift_table(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Return what monitoring found as a frame, in its order."""
    titles = {"feature": "Feature", "importance": "Weight", "psi": "PSI, last month", "usual": "Most before"}
    titles |= {"shift": "Median moved, in IQRs"}
    return pl.DataFrame([{title: row[name] for name, title in titles.items()} for row in rows])
