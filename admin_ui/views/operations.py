"""Operations: what runs, what comes next, how old each symbol's prices are; and starting a job by hand."""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st

from admin_ui import client
from admin_ui.views import failures_shown, grid, moment, percent

STARTABLE = ("refresh", "train", "score", "monitor")
_RUN = {
    "kind": "Job",
    "trigger": "Why",
    "state": "State",
    "progress": "Done",
    "message": "Message",
    "started_at": "Started",
    "ended_at": "Ended",
}
_NEXT = {"at": "When", "kind": "Job", "exchange": "After the close of"}
_SYMBOL = {
    "symbol": "Symbol",
    "bars": "Sessions",
    "first": "First",
    "last": "Last",
    "source": "Source",
    "refreshed_at": "Refreshed",
    "error": "Last error",
}
_WRITTEN = dict.fromkeys(("Started", "Ended", "When", "First", "Last", "Refreshed"), moment)
_LONG = {title: st.column_config.Column(width="large") for title in ("Message", "Last error")}


def show() -> None:
    """Draw the view."""
    st.title("Jobs and data")
    with failures_shown():
        client.jobs()  # a service that is down is told of before anything is offered
        _start()
        known = client.jobs()
        st.subheader("Runs")
        if known["jobs"]:
            grid(chosen(known["jobs"], _RUN), {**_WRITTEN, "Done": lambda value: percent(value, 0)}, _LONG)
        else:
            st.info("No job has run yet.")
        if known["upcoming"]:
            st.subheader("What comes next")
            grid(chosen(known["upcoming"], _NEXT), _WRITTEN)
        st.subheader("Prices")
        stored = client.symbols()
        if stored:
            grid(chosen(stored, _SYMBOL), {**_WRITTEN, "Sessions": "{:,}"}, _LONG)
        else:
            st.info("No prices are stored yet. The service fetches them on its first run.")


def _start() -> None:
    """Offer to start a job; the service decides whether this view may, and what else is shown stands."""
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    kind = left.selectbox("Start a job by hand", STARTABLE)
    if right.button("Start", width="stretch"):
        with failures_shown():
            client.start(kind)
            st.success(f"Started: {kind}. It is in the list; reload this page to see how far it is.")


def chosen(rows: list[dict[str, Any]], columns: dict[str, str]) -> pl.DataFrame:
    """Return some fields of the rows under readable names."""
    return pl.DataFrame(
        [{title: row.get(name) for name, title in columns.items()} for row in rows], infer_schema_length=None
    )
