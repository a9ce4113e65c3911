"""What yfinance raises and returns, in our words; no network is touched."""

import json
from datetime import date
from typing import Any

import polars as pl
import pytest

from app.prices.sources import yahoo
from app.prices.sources.protocol import FetchFailed, Limited, Malformed, NoBars, NoSuchSymbol, Unreachable
from tests.prices.market import bars


def _raised(name: str) -> Exception:
    from curl_cffi.requests import exceptions as http
    from yfinance import exceptions as yf

    return {
        "rate limit": yf.YFRateLimitError(),
        "no prices": yf.YFPricesMissingError("KO", ""),
        "no time zone": yf.YFTzMissingError("KO"),
        "down": yf.YFDataException("will be right back"),
        "timeout": http.Timeout("28"),
        "reset": http.ConnectionError(
            "Failed to perform, curl: (56) closed abruptly. See https://curl.se first for more."
        ),
        "404": http.HTTPError("HTTP Error 404"),
        "cut JSON": json.JSONDecodeError("Expecting value", "{", 0),
        "odd JSON": TypeError("'NoneType' object is not subscriptable"),
    }[name]


@pytest.mark.parametrize(
    ("name", "status", "failure"),
    [
        ("rate limit", 429, Limited),
        ("rate limit", None, Limited),
        ("no prices", 500, Unreachable),
        ("no prices", 401, Unreachable),
        ("no prices", 400, NoBars),
        ("no prices", 200, NoBars),
        ("no prices", 404, NoSuchSymbol),
        ("no time zone", 404, NoSuchSymbol),
        ("404", 404, NoSuchSymbol),
        ("down", 200, Unreachable),
        ("timeout", None, Unreachable),
        ("reset", 200, Unreachable),
        ("cut JSON", 200, Malformed),
        ("odd JSON", 200, Malformed),
    ],
)
def test_failures_are_told_apart(name: str, status: int | None, failure: type[FetchFailed]) -> None:
    """The same words of yfinance mean different things; the status decides."""
    failed = yahoo.failure_of("KO", _raised(name), status)
    assert type(failed) is failure
    assert "KO" in failed.detail
    assert "curl" not in failed.detail


def _frame() -> Any:
    """Return what yfinance gives for two sessions: single floats widened, a dividend and a split."""
    import numpy as np
    import pandas as pd

    stamps = pd.DatetimeIndex(["2020-08-28", "2020-08-31"]).tz_localize("America/New_York")
    prices = {
        name: np.array([124.8075, 129.04], dtype=np.float32).astype(float) for name in ("Open", "High", "Low", "Close")
    }
    return pd.DataFrame(
        {
            **prices,
            "Adj Close": prices["Close"] / 2,
            "Volume": [187151500, 225702700],
            "Dividends": [0.2, 0.0],
            "Stock Splits": [0.0, 4.0],
        },
        index=stamps,
    )


META = {"symbol": "AAPL", "longName": "Apple Inc.", "exchangeName": "NMS", "currency": "USD"}


def test_an_answer_becomes_bars_and_actions() -> None:
    """Decimals are those the exchange printed, actions carry session, kind and value, the exchange is a calendar's."""
    fetched = yahoo._fetched("AAPL", _frame(), META)
    assert fetched.bars["close"].to_list() == [124.8075, 129.04]
    assert fetched.bars["volume"].to_list() == [187151500, 225702700]
    assert fetched.actions.rows() == [(date(2020, 8, 31), "split", 4.0), (date(2020, 8, 28), "dividend", 0.2)]
    assert (fetched.name, fetched.exchange, fetched.currency) == ("Apple Inc.", "XNYS", "USD")


def test_another_symbols_answer_is_refused() -> None:
    """Yahoo's answer must be about what was asked."""
    with pytest.raises(Malformed, match="answered with AAPL"):
        yahoo._fetched("KO", _frame(), META)


def test_rows_without_any_price_are_no_bars() -> None:
    """Yahoo fills days without trade with nulls."""
    frame = _frame()
    frame.loc[frame.index[0], ["Open", "High", "Low", "Close"]] = float("nan")
    assert yahoo._fetched("AAPL", frame, META).bars.height == 1


def test_a_left_out_adj_close_is_unknown() -> None:
    """Where Yahoo gave no adj_close, yfinance repeats the close; a dividend in between gives that away."""
    paid = pl.DataFrame({"session": [date(2020, 8, 3)], "kind": ["dividend"], "value": [0.2]})
    assert yahoo._adjusted(bars("KO"), paid)["adj_close"].null_count() == bars("KO").height
    assert yahoo._adjusted(bars("KO"), paid.clear())["adj_close"].null_count() == 0


def test_an_isin_is_not_asked_for() -> None:
    """Asked for an ISIN, yfinance would ask another site what it means."""
    with pytest.raises(NoSuchSymbol, match="ISIN"):
        yahoo.YahooSource().fetch("US0378331005")


def test_yfinance_keeps_no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its caches are SQLite files that lock each other out, and pickled cookies: neither is opened."""
    from yfinance import cache

    opened: list[str] = []
    for manager in (cache._TzDBManager, cache._CookieDBManager):
        monkeypatch.setattr(manager, "get_database", lambda: opened.append("a file"))  # the one place that opens it
    yahoo.open_yfinance()
    assert cache.get_tz_cache().lookup("VOD.L") == "Europe/London"
    assert cache.get_cookie_cache().lookup("basic") is None
    assert opened == []


def test_every_exchange_code_has_a_calendar() -> None:
    """A bar's session can be judged wherever it was traded."""
    from exchange_calendars import get_calendar_names

    assert set(yahoo.EXCHANGES.values()) - set(get_calendar_names()) == set()


def test_no_request_outlives_its_call() -> None:
    """Past the deadline nothing is sent; and side hosts rest after one of them failed."""
    from curl_cffi import requests

    from app.prices.sources.yahoo_session import open_session

    session, traffic = open_session()
    with traffic.call(0.0), pytest.raises(requests.exceptions.Timeout, match="no time is left"):
        session.get("http://127.0.0.1:9/v8/finance/chart/KO")
    with traffic.call(5.0), pytest.raises(requests.exceptions.ConnectionError):
        session.get("http://127.0.0.1:9/v1/test/getcrumb")
    with traffic.call(5.0), pytest.raises(requests.exceptions.Timeout, match="no time is left"):
        session.get("http://127.0.0.1:9/v1/test/getcrumb")
    traffic.side_rests_until = 0.0


def test_a_searchs_hits_are_what_can_be_forecast() -> None:
    """Shares and funds whose symbol we can write; indices, currencies, options and oddities are left out."""
    hits = [
        {"symbol": "KO", "quoteType": "EQUITY", "longname": "Coca-Cola " + "x" * 99, "exchDisp": "NYSE"},
        {"symbol": "SPY", "quoteType": "ETF", "shortname": "SPDR"},
        {"symbol": "^GSPC", "quoteType": "INDEX"},
        {"symbol": "^ODD", "quoteType": "EQUITY"},
        {"symbol": "../etc", "quoteType": "EQUITY"},
        {"symbol": "EURUSD=X", "quoteType": "CURRENCY"},
    ]
    found = yahoo.search_hits(hits)
    assert [(one.symbol, one.venue) for one in found] == [("KO", "NYSE"), ("SPY", None)]
    assert [len(one.name or "") for one in found] == [80, 4]
