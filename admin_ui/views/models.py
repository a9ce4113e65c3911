"""Models: the contest's candidates beside the random walk, and what the champion's card says of it."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import polars as pl
import streamlit as st

from admin_ui import client
from admin_ui.views import HUNDREDTHS, MARGIN, Written, failures_shown, grid, moment, share, words

COLUMNS = {
    "name": "Candidate",
    "crps_skill": "CRPS skill",
    "mae_ratio": "MAE ratio",
    "rmse_ratio": "RMSE ratio",
    "r2_oos": "R² out of sample",
    "hit": "Right side",
    "coverage_50": "In 50 %",
    "coverage_80": "In 80 %",
    "coverage_95": "In 95 %",
    "n": "Forecasts",
    "seconds": "Fit, s",
}
_SHARES = ("crps_skill", "r2_oos", "hit", "coverage_50", "coverage_80", "coverage_95")
_PARTS = (
    ("by_year", "By year", "Year"),
    ("by_kind", "Sessions that trade results first (event), and all others", "Sessions"),
    ("by_tercile", "By volatility", "Volatility"),
    ("by_symbol", "By symbol", "Symbol"),
)
_WRITTEN: Written = {
    **{COLUMNS[name]: share for name in _SHARES},
    COLUMNS["name"]: words,
    COLUMNS["n"]: "{:,}",
    COLUMNS["seconds"]: HUNDREDTHS,
}


def show() -> None:
    """Draw the view."""
    st.title("Models")
    with failures_shown():
        known = client.models()
        _champion(known)
        if known["candidates"]:
            st.subheader("The contest")
            st.caption("Walk-forward, out of sample; every candidate forecast the same sessions as the random walk.")
            st.plotly_chart(figure(known["candidates"]), width="stretch", key="contest")
            grid(table(known["candidates"]), _WRITTEN)
        _card([one["version"] for one in known["models"]], known["champion"])
        st.subheader("Decisions")
        for one in known["decisions"]:
            st.markdown(f"**{one['kind'].capitalize()} of {one['version']}**, {moment(one['decided_at'])}")
            st.text(one["reason"])


def _champion(known: dict[str, Any]) -> None:
    champion = next((one for one in known["models"] if one["champion"]), None)
    if champion is None:
        st.warning("No version is champion: nothing is served.")
        return
    verdict = champion["verdict"].capitalize()
    st.markdown(f"**Champion: {words(champion['name'])}, version {champion['version']}.** {verdict}.")
    span = f"from {moment(champion['trained_from'])} through {moment(champion['trained_through'])}"
    st.caption(f"Trained on {champion['symbols']} symbols {span}")


def table(rows: list[dict[str, Any]], of: str = COLUMNS["name"]) -> pl.DataFrame:
    """Return scores as a frame with readable columns, in the order given; `of` says what a row is."""
    titles = COLUMNS | {"name": of}
    present = [name for name in titles if any(name in row for row in rows)]
    return pl.DataFrame([{titles[name]: row.get(name) for name in present} for row in rows], infer_schema_length=None)


def figure(rows: list[dict[str, Any]]) -> go.Figure:
    """Draw each candidate's CRPS skill with its 95 % interval, the random walk being zero."""
    known = [row for row in rows if row.get("crps_skill") is not None][::-1]
    skill = [row["crps_skill"] for row in known]
    above = [(row.get("crps_skill_high") or at) - at for row, at in zip(known, skill, strict=True)]
    below = [at - (row.get("crps_skill_low") or at) for row, at in zip(known, skill, strict=True)]
    chart = go.Figure(
        go.Scatter(
            x=skill,
            y=[words(row["name"]) for row in known],
            mode="markers",
            marker={"size": 10, "color": "#5f6ed6"},
            error_x={"type": "data", "symmetric": False, "array": above, "arrayminus": below, "color": "#8e9cea"},
        )
    )
    chart.add_vline(x=0, line_dash="dot", line_color="#8a919d")
    chart.update_xaxes(tickformat=".1%", title_text="CRPS skill against the random walk")
    chart.update_layout(height=80 + 40 * len(known), margin=MARGIN)
    return chart


def _card(versions: list[str], champion: str | None) -> None:
    st.subheader("One version")
    index = versions.index(champion) if champion in versions else 0
    version = st.selectbox("Version", versions, index=index)
    metrics = client.model(version)["metrics"]
    for part, title, of in _PARTS:
        if metrics.get(part):
            with st.expander(title, expanded=part == "by_year"):
                rows = [{"name": name, **score} for name, score in metrics[part].items()]
                grid(table(rows, of), _WRITTEN)
