"""One module per view; each has a `show`, and tells a service that is down in one place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import streamlit as st

from admin_ui import client

MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}
"""Pixels around every figure."""
_MINUS = "\u2212"


@contextmanager
def failures_shown() -> Iterator[None]:
    """Show one clear line, and what to do, where the service fails."""
    try:
        yield
    except client.NotYet as error:
        st.info(str(error))
    except client.Refused as error:
        st.error(str(error), icon=":material/lock:")
        st.caption("NEXTCLOSE_ADMIN_TOKEN of this view must be the service's own: set it where the view is started.")
    except client.ServiceFailed as error:
        st.error(str(error), icon=":material/error:")
        st.caption(f"NEXTCLOSE_API_URL is {client.url()}. Start the service with `make run`, then reload this page.")


def percent(value: float | None, digits: int = 1, *, signed: bool = False) -> str:
    """Write a share as a percentage, a dash where it isn't known."""
    if value is None:
        return "\u2013"
    text = f"{value * 100:+.{digits}f} %" if signed else f"{value * 100:.{digits}f} %"
    return text.replace("-", _MINUS)


def grid(rows: Any, columns: Any = None) -> None:
    """Show a table; a dash stands where nothing is known."""
    st.dataframe(rows, width="stretch", hide_index=True, column_config=columns, placeholder="\u2013")
