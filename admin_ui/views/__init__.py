"""One module per view; each has a `show`, and tells a service that is down in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import polars as pl
import streamlit as st

from admin_ui import client

MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}
"""Pixels around every figure."""
LEGEND = {"orientation": "h", "yanchor": "bottom", "y": 1.02}
"""Above a figure, growing upwards: however many lines it takes, it lies on nothing that is drawn."""
Written = Mapping[str, str | Callable[[Any], str]]
"""How the columns of a table read, by their names: a format, or what writes a value."""
HUNDREDTHS = "{:,.2f}"
_RATIO = "{:,.4f}"
_UNKNOWN = "\u2013"
_MINUS = "\u2212"


@contextmanager
def failures_shown() -> Iterator[None]:
    """Show one clear line, and what to do, where the service fails."""
    try:
        with st.spinner("Asking the service"):
            yield
    except client.NotYet as error:
        st.info(str(error))
    except client.Refused as error:
        st.error(f"The service refused this: {error}", icon=":material/lock:")
        st.caption("NEXTCLOSE_ADMIN_TOKEN of this view must be the service's own: set it where the view is started.")
    except client.ServiceFailed as error:
        st.error(str(error), icon=":material/error:")
        st.caption(f"NEXTCLOSE_API_URL is {client.url()}. Start the service with `make run`, then reload this page.")


def percent(value: float | None, digits: int = 1, *, signed: bool = False) -> str:
    """Write a share as a percentage, a dash where it isn't known."""
    if value is None:
        return _UNKNOWN
    text = f"{value * 100:+z.{digits}f} %" if signed else f"{value * 100:z.{digits}f} %"
    return text.replace("-", _MINUS)


def ratio(value: float | None) -> str:
    """Write a ratio, a dash where it isn't known."""
    return _UNKNOWN if value is None else f"{value:.3f}"


def share(value: float) -> str:
    """Write a share in a table: with as many decimals as the one below it."""
    return percent(value, 2)


def moment(text: str) -> str:
    """Write a day or an instant of the service's as its pages do."""
    at = datetime.fromisoformat(text)
    day = f"{at.day} {at:%b %Y}"
    return f"{day}, {at:%H:%M} UTC" if "T" in text else day


def price(value: float) -> str:
    """Write a price as the service's pages do: four decimals below one."""
    return f"{value:,.2f}" if value >= 1 else f"{value:.4f}"


def words(name: str) -> str:
    """Write the name of a candidate as the service's pages do."""
    return name.replace("_", " ")


def metrics(*cells: tuple[str, str] | tuple[str, str, str | None]) -> None:
    """Show figures beside each other, and below where the window is narrow: none is cut."""
    with st.container(horizontal=True, gap="medium"):
        for label, value, *change in cells:
            st.metric(label, value, change[0] if change else None, width="content")


def grid(rows: pl.DataFrame, written: Written | None = None, columns: Any = None) -> None:
    """Show a table; a dash stands where nothing is known.

    `written` says how columns read, other numbers of such a table have four decimals; what is sorted and copied is the
    value itself.
    """
    shown: Any = rows
    if written is not None:
        ways = {name: _RATIO for name, kind in rows.schema.items() if kind.is_float()} | dict(written)
        known = {name: _way(ways[name]) for name in rows.columns if name in ways}
        shown = rows.to_pandas().style.format(known, na_rep=_UNKNOWN)
    st.dataframe(shown, width="stretch", hide_index=True, column_config=columns, placeholder=_UNKNOWN)


def _way(form: str | Callable[[Any], str]) -> Callable[[Any], str]:
    """Return what writes a value; of a number the minus is one."""
    return (lambda value: form.format(value).replace("-", _MINUS)) if isinstance(form, str) else form
