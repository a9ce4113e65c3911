"""Operations: runs and what comes next, prices and their age, bars that failed a check, and what a person decides."""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st

from admin_ui import client
from admin_ui.views import failures_shown, grid, moment, percent, price, words

STARTABLE = ("refresh", "train", "score", "monitor")
_RUN = {
    "kind": "Job",
    "trigger": "Started by",
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
_DECIDED = {"release": "stored in spite of the rule", "drop": "kept out for good"}
_HELD = {
    "symbol": "Symbol",
    "session": "Session",
    "rule": "Rule",
    "detail": "Why",
    "close": "Close",
    "source": "Source",
    "state": "State",
}
_WRITTEN = dict.fromkeys(("Started", "Ended", "When", "First", "Last", "Refreshed", "Session"), moment)
_LONG = {title: st.column_config.Column(width="large") for title in ("Message", "Last error", "Why")}


def show() -> None:
    """Draw the view."""
    st.title("Jobs and data")
    with failures_shown():
        client.jobs()  # a service that is down is told of before anything is offered
        _start()
        st.subheader("Runs")
        _cancel()
        known = client.jobs()
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
        st.subheader("Quarantine")
        _decide()
        held = client.held()
        if held:
            grid(chosen(held, _HELD), {**_WRITTEN, "Rule": words, "Close": price}, _LONG)
        else:
            st.info("Nothing is in quarantine: every bar that was offered passed the checks.")


def _start() -> None:
    """Offer to start a job; the service decides whether this view may, and what else is shown stands."""
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    kind = left.selectbox("Start a job by hand", STARTABLE)
    if right.button("Start", width="stretch"):
        with failures_shown():
            client.start(kind)
            st.success(f"Started: {kind}. It is in the list; reload this page to see how far it is.")


def _cancel() -> None:
    """Offer to end what runs."""
    for run in client.jobs()["jobs"]:
        if run["state"] == "running" and st.button(f"Cancel {words(run['kind'])}", key=run["id"]):
            with failures_shown():
                client.cancel(run["id"])
                st.success("Asked to end; that takes some seconds.")


def _decide() -> None:
    """Offer to let in a bar that failed a check, or to keep it out for good."""
    if told := st.session_state.pop("decided", None):
        st.success(told)
    waiting = {one["id"]: one for one in client.held() if one["state"] == "held"}
    if not waiting:
        return
    left, *buttons = st.columns([2, 1, 1], vertical_alignment="bottom")
    number = left.selectbox("Decide on a bar", list(waiting), format_func=lambda one: _named(waiting[one]))
    for button, decision in zip(buttons, ("release", "drop"), strict=True):
        # Named by its bar: a second click, when another one is shown already, decides on nothing.
        if button.button(decision.capitalize(), key=f"{decision} {number}", width="stretch"):
            with failures_shown():
                client.decide(number, decision)
                st.session_state["decided"] = f"{_named(waiting[number])}: {_DECIDED[decision]}."
                st.rerun()


def _named(bar: dict[str, Any]) -> str:
    return f"{bar['symbol']} of {moment(bar['session'])}, {words(bar['rule'])}"


def chosen(rows: list[dict[str, Any]], columns: dict[str, str]) -> pl.DataFrame:
    """Return some fields of the rows under readable names."""
    return pl.DataFrame(
        [{title: row.get(name) for name, title in columns.items()} for row in rows], infer_schema_length=None
    )
