"""Forecasts: whether closes fell where they were said to, over time, by symbol; and the worst misses."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import polars as pl
import streamlit as st

from admin_ui import client
from admin_ui.views import (
    HUNDREDTHS,
    LEGEND,
    MARGIN,
    Written,
    failures_shown,
    grid,
    metrics,
    moment,
    percent,
    price,
    ratio,
    share,
)

EVERY = "All symbols"
ORIGINS = {"Live": "live", "Replayed": "replay"}
_NOTHING = {
    "live": "Nothing is settled yet: a forecast is kept before its close and scored after it. See the replayed.",
    "replay": "Nothing was replayed: the first training does it.",
}
_GROUPS = {
    "name": "Symbol",
    "n": "Forecasts",
    "crps_skill": "CRPS skill",
    "mae_ratio": "MAE ratio",
    "coverage_80": "In 80 %",
    "coverage_95": "In 95 %",
}
_BY_SYMBOL: Written = {
    **{_GROUPS[name]: share for name in ("crps_skill", "coverage_80", "coverage_95")},
    _GROUPS["n"]: "{:,}",
}
_MISSES: Written = {
    "Session": moment,
    **dict.fromkeys(("Last close", "80 % from", "80 % to", "Close"), price),
    "Half bands off": HUNDREDTHS,
}


def show() -> None:
    """Draw the view."""
    st.title("Forecasts")
    with failures_shown():
        left, right = st.columns([2, 1])
        symbol = left.selectbox("Symbol", [EVERY, *(one["symbol"] for one in client.symbols())])
        origin = ORIGINS[right.segmented_control("Made", list(ORIGINS), default="Live", required=True)]
        chosen = None if symbol == EVERY else symbol
        found = client.calibration(chosen, origin)
        if not found["n"]:
            st.info(_NOTHING[origin])
            return
        _figures(client.track_record(chosen, origin))
        left, right = st.columns(2)
        left.subheader("Promised against held")
        left.plotly_chart(reliability(found["reliability"]), width="stretch", key="reliability")
        right.subheader("Where closes fell (PIT)")
        right.plotly_chart(pit(found["pit"]), width="stretch", key="pit")
        st.subheader("Coverage over the last 63 sessions")
        if any(one["coverage_80"] is not None for one in found["over_time"]):
            st.plotly_chart(over_time(found["over_time"]), width="stretch", key="over_time")
        else:
            st.info("Fewer sessions are settled yet.")
        if chosen is None:
            st.subheader("By symbol")
            rows = [{title: one[name] for name, title in _GROUPS.items()} for one in found["by_symbol"]]
            grid(pl.DataFrame(rows, infer_schema_length=None), _BY_SYMBOL)
        st.subheader("Worst misses")
        st.caption("Among the newest 1,000 forecasts: closes furthest from the middle, in units of the 80 % band.")
        grid(misses(client.forecasts(chosen, origin)), _MISSES)


def _figures(record: dict[str, Any]) -> None:
    inside = next(one for one in record["coverage"] if one["level"] == 0.8 and one["group"] == "all")  # noqa: PLR2004
    metrics(
        ("Settled forecasts", f"{record['n']:,}"),
        ("CRPS skill", percent(record["crps_skill"]["value"], signed=True)),
        ("MAE over the random walk's", ratio(record["mae_ratio"]["value"])),
        ("Inside the 80 % band", percent(inside["share"]["value"])),
    )
    held = coverage(record["coverage"])
    grid(held, {"n": "{:,}", **dict.fromkeys(held.columns[2:], share)}, {"n": "Number"})


def coverage(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Return what each band held, by group of forecasts: by volatility, and apart where results are traded first."""
    names = {"event": "results traded first", "other": "all other sessions"}
    groups: dict[str, dict[str, Any]] = {}
    for one in rows:
        group = groups.setdefault(one["group"], {"Forecasts": names.get(one["group"], one["group"]), "n": one["n"]})
        group[f"In {one['level'] * 100:.0f} %"] = one["share"]["value"]
    return pl.DataFrame(list(groups.values()), infer_schema_length=None)


def reliability(held: list[dict[str, float]]) -> go.Figure:
    """Draw what each central interval held against what it promised."""
    promised = [one["promised"] for one in held]
    chart = go.Figure(
        [
            go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dot", "color": "#8a919d"}, showlegend=False),
            go.Scatter(x=promised, y=[one["held"] for one in held], mode="markers", name="held"),
        ]
    )
    chart.update_xaxes(tickformat=".0%", title_text="promised")
    chart.update_yaxes(tickformat=".0%", title_text="held")
    chart.update_layout(height=340, margin=MARGIN, showlegend=False)
    return chart


def pit(shares: list[float]) -> go.Figure:
    """Draw the share of closes in each twentieth of their distribution; right is one level line."""
    middles = [(place + 0.5) / len(shares) for place in range(len(shares))]
    chart = go.Figure(go.Bar(x=middles, y=shares, marker_color="#8e9cea"))
    chart.add_hline(y=1 / len(shares), line_dash="dot", line_color="#8a919d")
    chart.update_xaxes(tickformat=".0%", title_text="place in the forecast distribution")
    chart.update_yaxes(tickformat=".0%", title_text="closes")
    chart.update_layout(height=340, margin=MARGIN, bargap=0.05)
    return chart


def over_time(sessions: list[dict[str, Any]]) -> go.Figure:
    """Draw each level's coverage by session, and what it promises."""
    days = [one["session"] for one in sessions]
    chart = go.Figure(
        [
            go.Scatter(x=days, y=[one[f"coverage_{level}"] for one in sessions], name=f"{level} % band")
            for level in (50, 80, 95)
        ]
    )
    for level in (0.5, 0.8, 0.95):
        chart.add_hline(y=level, line_dash="dot", line_color="#8a919d")
    chart.update_yaxes(tickformat=".0%")
    chart.update_layout(height=320, margin=MARGIN, legend=LEGEND)
    return chart


def misses(entries: list[dict[str, Any]], most: int = 20) -> pl.DataFrame:
    """Return the forecasts whose close lay furthest out, the worst first."""
    rows = []
    for one in entries:
        if one["score"] is None:
            continue
        band = next(interval for interval in one["intervals"] if interval["level"] == 0.8)  # noqa: PLR2004
        middle, half = (band["upper"] + band["lower"]) / 2, (band["upper"] - band["lower"]) / 2
        close = one["score"]["realised_close"]
        rows.append(
            {
                "Session": one["target_session"],
                "Symbol": one["symbol"],
                "Last close": one["last_close"],
                "80 % from": band["lower"],
                "80 % to": band["upper"],
                "Close": close,
                "Half bands off": round(abs(close - middle) / half, 2) if half else None,
            }
        )
    found = pl.DataFrame(rows, infer_schema_length=None)
    return found.sort("Half bands off", descending=True, nulls_last=True).head(most) if rows else found
