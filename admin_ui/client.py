"""The service over HTTP: the only network code of this program.

`NEXTCLOSE_API_URL` names the service; unset, it is on this machine at port 8000. `NEXTCLOSE_ADMIN_TOKEN` is what
changes anything where the service asks for one. Answers stay in memory for half a minute, so that moving a control asks
the service for nothing new.
"""

from __future__ import annotations

import os
import ssl
from functools import cache
from http import HTTPStatus
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


class NotYet(ServiceFailed):
    """What was asked for isn't there, or not yet."""


class Refused(ServiceFailed):
    """The service answers, but not to whoever asks like this: the token is missing or wrong, or it is too busy."""


_FAILED: dict[int, type[ServiceFailed]] = {
    HTTPStatus.NOT_FOUND: NotYet,
    HTTPStatus.UNAUTHORIZED: Refused,
    HTTPStatus.FORBIDDEN: Refused,
    HTTPStatus.TOO_MANY_REQUESTS: Refused,
}


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


def closes(symbol: str) -> pl.DataFrame:
    """Return the symbol's sessions and closes, oldest first."""
    found = _get(url(), f"/api/prices/{quote(symbol)}")["bars"]
    frame = pl.DataFrame(found, infer_schema_length=None) if found else pl.DataFrame({"session": [], "close": []})
    return frame.select("session", "close")


def outlooks() -> list[dict[str, Any]]:
    """Return how far each stored symbol may go next, the widest against its usual move first."""
    rows: list[dict[str, Any]] = _get(url(), "/api/screener?limit=1000")["rows"]
    return rows


def monitoring() -> dict[str, Any] | None:
    """Return the last monitoring report; None before the first one."""
    try:
        return _get(url(), "/api/monitoring")
    except NotYet:
        return None


def track_record(symbol: str | None = None, origin: str = "live") -> dict[str, Any]:
    """Return the ledger's score, of one symbol or of all."""
    return _get(url(), f"/api/track-record?origin={origin}" + _of(symbol))


def calibration(symbol: str | None, origin: str) -> dict[str, Any]:
    """Return where closes fell in their forecast distributions, of one symbol or of all."""
    return _get(url(), f"/api/calibration?origin={origin}" + _of(symbol))


def forecasts(symbol: str | None, origin: str) -> list[dict[str, Any]]:
    """Return the newest 1,000 forecasts of the ledger with their scores."""
    found: list[dict[str, Any]] = _get(url(), f"/api/forecasts?limit=1000&origin={origin}" + _of(symbol))["forecasts"]
    return found


def jobs() -> dict[str, Any]:
    """Return the newest runs, and when each scheduled job comes next."""
    return _get(url(), "/api/jobs")


def held() -> list[dict[str, Any]]:
    """Return the bars that failed a check, newest session first."""
    found: list[dict[str, Any]] = _get(url(), "/api/quarantine")["bars"]
    return found


def start(kind: str) -> None:
    """Start a job."""
    _change(f"/api/jobs/{quote(kind)}")


def cancel(run: str) -> None:
    """Ask a running job to end."""
    _change(f"/api/jobs/{quote(run)}/cancel")


def decide(number: int, decision: str) -> None:
    """Release a bar in quarantine, or drop it."""
    _change(f"/api/quarantine/{number}/{decision}")


def _change(path: str) -> None:
    """Ask for a change; `NEXTCLOSE_ADMIN_TOKEN` is sent where it is set, and what was asked before is asked anew."""
    token = os.environ.get("NEXTCLOSE_ADMIN_TOKEN", "").strip()
    headers = {"authorization": f"Bearer {token}"} if token else {}
    _answer(url(), "POST", path, headers)
    _get.clear()


def _of(symbol: str | None) -> str:
    return f"&symbol={quote(symbol)}" if symbol else ""


def models() -> dict[str, Any]:
    """Return the stored versions, the champion, its contest and the decisions; `NotYet` before the first training."""
    found: dict[str, Any] = _get(url(), "/api/models")
    if not found["models"]:
        raise NotYet("No model is trained yet. The service trains its first one by itself.")
    return found


def model(version: str) -> dict[str, Any]:
    """Return one version's card."""
    card: dict[str, Any] = _get(url(), f"/api/models/{quote(version)}")["card"]
    return card


def contest(version: str) -> dict[str, Any]:
    """Return every candidate of the contest that a version came from, by part."""
    return _get(url(), f"/api/models/{quote(version)}/contest")


def comparison(entrants: list[str]) -> list[dict[str, Any]]:
    """Return versions and candidates beside the first of them: by how much they differ, and whether by chance."""
    asked = "&".join(f"entrant={quote(one)}" for one in entrants)
    found: list[dict[str, Any]] = _get(url(), f"/api/models/comparison?{asked}")["entrants"]
    return found


def importance(version: str) -> list[dict[str, Any]]:
    """Return what a version makes of each of its features."""
    found: list[dict[str, Any]] = _get(url(), f"/api/models/{quote(version)}/importance")["importance"]
    return found


def dependence(version: str, feature: str) -> dict[str, Any]:
    """Return how the next forecasts of a version depend on one feature, all else as it is."""
    return _get(url(), f"/api/models/{quote(version)}/dependence?feature={quote(feature)}")


@st.cache_data(ttl=_FRESH_S, max_entries=200, show_spinner=False)
def _get(base: str, path: str) -> dict[str, Any]:
    """Ask the service; errors are raised, and so never stay in memory."""
    return _answer(base, "GET", path)


@cache
def _trusted() -> ssl.SSLContext:
    """Return the certificates that are trusted: reading them takes longer than most answers."""
    return httpx.create_ssl_context()


def _answer(base: str, method: str, path: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
    try:
        sent = {"accept": "application/json", **(headers or {})}
        answer = httpx.request(method, base + path, timeout=TIMEOUT_S, headers=sent, verify=_trusted())
        body: Any = answer.json()
    except httpx.TimeoutException as error:
        raise ServiceFailed(f"The service at {base} didn't answer within {TIMEOUT_S:.0f} s") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ServiceFailed(f"The service at {base} doesn't answer: {type(error).__name__}") from error
    except ValueError as error:
        raise ServiceFailed(f"What answers at {base} isn't Nextclose: it sent no JSON") from error
    if answer.is_error:
        detail = body.get("detail") if isinstance(body, dict) else None
        raise _FAILED.get(answer.status_code, ServiceFailed)(
            str(detail or f"the service answered {answer.status_code}")
        )
    if not isinstance(body, dict):
        raise ServiceFailed(f"What answers at {base} isn't Nextclose: its JSON isn't ours")
    found: dict[str, Any] = body
    return found
