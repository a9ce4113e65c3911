"""The service over HTTP: the only network code of this program.

`NEXTCLOSE_API_URL` names the service; unset, it is on this machine at port 8000. Answers stay in memory for half a
minute, so that moving a control asks the service for nothing new.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import quote

import httpx
import polars as pl
import streamlit as st

DEFAULT_URL = "http://127.0.0.1:8000"
TIMEOUT_S = 20.0
_FRESH_S = 30


class ServiceFailed(Exception):
    """The service can't be reached, or refuses; its text is one line for the person at the screen."""


def url() -> str:
    """Return the service's address, without a slash at its end."""
    return os.environ.get("NEXTCLOSE_API_URL", "").strip().rstrip("/") or DEFAULT_URL


def symbols() -> list[dict[str, Any]]:
    """Return the stored symbols that have prices, the watchlist first."""
    return [one for one in _get(url(), "/api/symbols")["symbols"] if one["bars"]]


def bars(symbol: str) -> pl.DataFrame:
    """Return the symbol's bars with its indicators, one row per session, oldest first."""
    prices = _get(url(), f"/api/prices/{quote(symbol)}")["bars"]
    indicators = _get(url(), f"/api/indicators/{quote(symbol)}")["rows"]
    if not prices:
        return pl.DataFrame()
    whole = pl.DataFrame(prices, infer_schema_length=None).hstack(
        pl.DataFrame(indicators, infer_schema_length=None).drop("session")
    )
    return whole.with_columns(pl.col("session").str.to_date())


def prediction(symbol: str) -> dict[str, Any]:
    """Return the forecast of the symbol's next session."""
    return _get(url(), f"/predict/{quote(symbol)}")


def track_record(symbol: str | None = None) -> dict[str, Any]:
    """Return the ledger's score, of one symbol or of all."""
    return _get(url(), "/api/track-record" + (f"?symbol={quote(symbol)}" if symbol else ""))


def models() -> dict[str, Any]:
    """Return the stored versions, the champion, its contest and the decisions."""
    return _get(url(), "/api/models")


def model(version: str) -> dict[str, Any]:
    """Return one version's card."""
    card: dict[str, Any] = _get(url(), f"/api/models/{quote(version)}")["card"]
    return card


@st.cache_data(ttl=_FRESH_S, max_entries=200, show_spinner=False)
def _get(base: str, path: str) -> dict[str, Any]:
    """Ask the service; errors are raised, and so never stay in memory."""
    try:
        answer = httpx.get(base + path, timeout=TIMEOUT_S, headers={"accept": "application/json"})
        body: dict[str, Any] = answer.json()
    except httpx.HTTPError as error:
        raise ServiceFailed(f"The service at {base} doesn't answer: {type(error).__name__}") from error
    except ValueError as error:
        raise ServiceFailed(f"What answers at {base} isn't Nextclose: it sent no JSON") from error
    if answer.is_error:
        raise ServiceFailed(str(body.get("detail", f"the service answered {answer.status_code}")))
    return body
