"""Comparison: any versions and candidates beside each other, by part, and whether they differ by more than chance."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

import plotly.graph_objects as go
import polars as pl
import streamlit as st

from admin_ui import client
from admin_ui.views import LEGEND, MARGIN, Written, failures_shown, grid, share

PARTS = {"Fold": "fold", "Year": "year", "Volatility tercile": "tercile", "Kind of session": "kind", "Symbol": "symbol"}
FIGURES = {"CRPS skill": "crps_skill", "MAE ratio": "mae_ratio", "In 80 %": "coverage_80", "Forecasts": "n"}
MOST = 12
_SHOWN = 4
_CHOICE = "entrants"
_INTERVAL = ("crps_skill_low", "crps_skill_high")

Scores = dict[str, dict[str, list[float | None]]]
"""Of each entrant, each figure's value for each piece of a part."""


def show() -> None:
    """Draw the view."""
    st.title("Comparison")
    with failures_shown():
        known = client.models()
        versions = [one["version"] for one in known["models"]]
        chosen = _chosen(versions, known["champion"] or versions[0])
        if not chosen:
            st.info("Choose a version or a candidate, and others to compare it with.")
            return
        _differences(chosen)
        with st.container(horizontal=True, gap="medium"):
            by = st.segmented_control("By", list(PARTS), default="Fold", required=True, wrap=True)
            title = st.segmented_control("Figure", list(FIGURES), default="CRPS skill", required=True, wrap=True)
        keys, scores = by_part(chosen, PARTS[by])
        if keys:
            st.plotly_chart(figure(keys, scores, FIGURES[title]), width="stretch", key="parts")
            written = {"n": "{:,.0f}", "mae_ratio": "{:.4f}"}.get(FIGURES[title], share)
            shown = {**dict.fromkeys(scores, written), "Piece": piece}
            grid(table(keys, scores, FIGURES[title]), shown, {"Piece": by})
        else:
            st.info("Nothing was kept by this part for what is chosen.")


def _chosen(versions: list[str], first: str) -> list[str]:
    """Let the reader choose; the contests that are asked for are those of the versions chosen, not of all."""
    before: list[str] = st.session_state.get(_CHOICE, [first])
    opened = {first, *(one.partition("/")[0] for one in before)}
    offered = entrants(versions, opened)
    return st.multiselect(
        "Versions, and candidates of their contests",
        offered,
        _preset(offered, first),
        key=_CHOICE,
        max_selections=MOST,
        help="Choose a version, and the candidates of its contest are offered too.",
    )


def entrants(versions: list[str], opened: Container[str]) -> list[str]:
    """Return what can be compared: each version, and of those opened the contest's candidates as VERSION/CANDIDATE."""
    found = []
    for version in versions:
        parts = client.contest(version)["parts"] if version in opened else {}
        found += [version, *(f"{version}/{name}" for name in parts.get("fold", {"candidates": {}})["candidates"])]
    return found


def _preset(offered: list[str], first: str) -> list[str]:
    """Return the champion, and the best candidates of its contest, the random walk not among them."""
    beside = [one for one in offered if one.startswith(f"{first}/") and not one.endswith("/random_walk")]
    return [first, *beside[: _SHOWN - 1]]


def piece(key: str) -> str:
    """Write a part's piece: a fold as its number."""
    return str(int(key)) if key.isdecimal() else key


def _differences(chosen: list[str]) -> None:
    st.subheader("Whether they differ")
    st.caption(
        f"CRPS beside {chosen[0]}'s on the weeks that both have on the same rows: positive is worse. "
        "Intervals are 95 %, over blocks of weeks."
    )
    rows = [
        {
            "Entrant": one["entrant"],
            "Weeks": one["weeks"],
            "Forecasts": one["rows"],
            "CRPS": one["crps"],
            "Behind": one["behind"],
            "From": one["behind_low"],
            "To": one["behind_high"],
            "More than chance": None if one["differs"] is None else "yes" if one["differs"] else "no",
        }
        for one in client.comparison(chosen)
    ]
    written: Written = {**dict.fromkeys(("Behind", "From", "To"), share), "Forecasts": "{:,}", "CRPS": "{:.6f}"}
    grid(pl.DataFrame(rows, infer_schema_length=None), written)


def by_part(chosen: list[str], part: str) -> tuple[list[str], Scores]:
    """Return the pieces of a part, and each entrant's scores on them: a version's from its card, whole."""
    found: dict[str, tuple[list[str], dict[str, list[float | None]]]] = {}
    for entrant in chosen:
        version, _, candidate = entrant.partition("/")
        if candidate:
            of_all = client.contest(version)["parts"].get(part, {"keys": [], "candidates": {}})
            found[entrant] = of_all["keys"], of_all["candidates"].get(candidate, {})
        else:
            scores: dict[str, dict[str, Any]] = client.model(version)["metrics"][f"by_{part}"]
            figures = (*FIGURES.values(), *_INTERVAL)
            found[entrant] = list(scores), {name: [one[name] for one in scores.values()] for name in figures}
    keys = list(dict.fromkeys(key for own, _ in found.values() for key in own))
    keys = [*filter(keys.__contains__, ("low", "middle", "high"))] if part == "tercile" else sorted(keys)
    return keys, {entrant: _aligned(keys, *pair) for entrant, pair in found.items()}


def _aligned(keys: list[str], own: list[str], figures: dict[str, list[float | None]]) -> dict[str, list[float | None]]:
    places = {key: place for place, key in enumerate(own)}
    return {name: [values[places[key]] if key in places else None for key in keys] for name, values in figures.items()}


def figure(keys: list[str], scores: Scores, name: str) -> go.Figure:
    """Draw a figure by piece, one set of dots an entrant, side by side, with its intervals where it has any."""
    chart = go.Figure([_dots(keys, entrant, figures, name) for entrant, figures in scores.items() if name in figures])
    if name != "n":
        chart.update_yaxes(tickformat=".1%" if name != "mae_ratio" else ".4f")
    chart.update_xaxes(type="category", labelalias={key: piece(key) for key in keys})
    chart.update_layout(height=420, margin=MARGIN, scattermode="group", legend=LEGEND)
    return chart


def _dots(keys: list[str], entrant: str, figures: dict[str, list[float | None]], name: str) -> go.Scatter:
    values = figures[name]
    error = None
    if name == "crps_skill" and any(one is not None for one in figures.get(_INTERVAL[0], ())):
        low, high = (figures[bound] for bound in _INTERVAL)
        above = [_reach(one, bound) for one, bound in zip(values, high, strict=True)]
        below = [_reach(bound, one) for one, bound in zip(values, low, strict=True)]
        error = {"type": "data", "symmetric": False, "array": above, "arrayminus": below, "thickness": 1}
    return go.Scatter(x=keys, y=values, name=entrant, mode="markers", error_y=error)


def _reach(low: float | None, high: float | None) -> float:
    return 0.0 if low is None or high is None else high - low


def table(keys: list[str], scores: Scores, name: str) -> pl.DataFrame:
    """Return a row a piece and a column an entrant, to the digit."""
    columns = {entrant: figures.get(name, [None] * len(keys)) for entrant, figures in scores.items()}
    return pl.DataFrame({"Piece": keys, **columns}, strict=False)
