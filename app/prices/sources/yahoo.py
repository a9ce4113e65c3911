"""Yahoo Finance as a price source, through yfinance; the only module that knows that library.

What yfinance 1.7 does, seen against a local server: `download()` turns a refusal, an outage, a delisting and a holiday
into the same empty frame, `Ticker.history` raises once it is configured to; a failed answer for a window that ended
over half an hour ago stays in an in-process cache; the running session's row comes along; nothing in an answer is
checked. Its own caches on disk are SQLite files that threads and processes lock each other out of, and hold cookies as
pickles: both are replaced by what this process knows anyway.
"""

from __future__ import annotations

import logging
import re
import threading
import warnings
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from http import HTTPStatus
from typing import Any, ClassVar, Final

import polars as pl

from app.core.clock import calendar
from app.prices.frame import ACTION_SCHEMA, PRICES, VALUES, conform, no_actions
from app.prices.sources.protocol import (
    FETCH_TIMEOUT_S,
    Fetched,
    FetchFailed,
    Limited,
    Malformed,
    Match,
    NoBars,
    NoSuchSymbol,
    Unreachable,
)
from app.prices.sources.yahoo_session import Traffic, open_session
from app.prices.symbols import exchange_of, is_stock

_BY_CURL: Final = re.compile(r"^Failed to perform, curl: \(\d+\) ")
"""What the HTTP library says before each cause."""
_ISIN: Final = re.compile(r"[A-Z]{2}[A-Z0-9]{9}[0-9]")
_FIRST_DAY: Final = date(1960, 1, 4)
MOST_HITS: Final = 8
FORECASTABLE: Final = {"EQUITY", "ETF", "MUTUALFUND"}
"""Yahoo's kinds of what has closes like a share's."""
_LONGEST_NAME: Final = 80
UNREADABLE: Final = (ValueError, KeyError, TypeError, IndexError, AttributeError)
"""What yfinance's parsing lets through when the JSON isn't what it expects; JSONDecodeError is a ValueError."""

EXCHANGES: Final = {
    **dict.fromkeys(("NMS", "NGM", "NCM", "NYQ", "PCX", "ASE", "BTS", "PNK", "OQB", "OQX"), "XNYS"),
    **dict.fromkeys(("SNP", "DJI", "NIM", "WCB", "CXI", "RUT"), "XNYS"),
    "AMS": "XAMS", "ASX": "XASX", "BRU": "XBRU", "BSE": "XBOM", "CPH": "XCSE", "EBS": "XSWX", "FRA": "XFRA",
    "GER": "XETR", "HEL": "XHEL", "HKG": "XHKG", "JPX": "XTKS", "KOE": "XKRX", "KSC": "XKRX", "LIS": "XLIS",
    "LSE": "XLON", "MCE": "XMAD", "MIL": "XMIL", "NSI": "XBOM", "OSL": "XOSL", "PAR": "XPAR", "SAO": "BVMF",
    "SHH": "XSHG", "SHZ": "XSHG", "STO": "XSTO", "TAI": "XTAI", "TOR": "XTSE", "VAN": "XTSE", "VIE": "XWBO",
    "WSE": "XWAR",
}  # fmt: skip
"""Yahoo's exchange codes and the calendar each follows; all American venues keep New York's sessions."""


class YahooSource:
    """Daily bars from Yahoo Finance."""

    name: ClassVar[str] = "yahoo"

    def fetch(
        self, symbol: str, start: date | None = None, end: date | None = None, timeout_s: float = FETCH_TIMEOUT_S
    ) -> Fetched:
        """Return the symbol's bars and actions in [start, end], the running session's row included."""
        if _ISIN.fullmatch(symbol):
            raise NoSuchSymbol(f"{symbol} is an ISIN; Yahoo is asked by ticker symbol")
        from yfinance import Ticker
        from yfinance.exceptions import YFException

        session, traffic = open_yfinance()
        ticker = Ticker(symbol, session=session)
        with traffic.call(timeout_s) as call:
            try:
                frame = ticker.history(
                    start=(start or _FIRST_DAY).isoformat(),
                    end=(end + timedelta(days=1)).isoformat() if end else None,
                    auto_adjust=False,
                    actions=True,
                )
                return _fetched(symbol, frame, ticker.history_metadata)
            except (YFException, OSError, *UNREADABLE) as error:
                raise failure_of(symbol, error, call.status) from error

    def search(self, text: str, timeout_s: float) -> list[Match]:
        """Return the shares and funds that Yahoo finds, as `search_hits` reads its answer."""
        from yfinance import Search
        from yfinance.exceptions import YFException

        session, traffic = open_yfinance()
        nothing_else = {"news_count": 0, "lists_count": 0, "recommended": 0, "include_cb": False}
        with traffic.call(timeout_s) as call:
            try:
                return search_hits(Search(text, max_results=MOST_HITS, session=session, **nothing_else).quotes)
            except (YFException, OSError, *UNREADABLE) as error:
                failure = failure_of(f"a search for {text!r}", error, call.status)
                raise failure if isinstance(failure, Limited | Unreachable) else Malformed(failure.detail) from error


def search_hits(quotes: Sequence[Mapping[str, Any]]) -> list[Match]:
    """Return what can be forecast of Yahoo's hits: shares and funds whose symbol is one as we write it."""
    found = []
    for one in quotes[:MOST_HITS]:
        symbol, name = str(one["symbol"]), one.get("longname") or one.get("shortname")
        if one.get("quoteType") in FORECASTABLE and is_stock(symbol):
            found.append(Match(symbol, str(name)[:_LONGEST_NAME] if name else None, one.get("exchDisp")))
    return found


class _Zones:
    """Stands for yfinance's cache of time zones, which costs a request a symbol to fill.

    The zone only decides where a window of dates begins; the sessions come from the zone that the answer names.
    """

    def lookup(self, symbol: str) -> str:
        """Return the time zone of the exchange that the symbol's suffix names."""
        return str(calendar(exchange_of(symbol)).timezone)

    def store(self, symbol: str, zone: str) -> None:
        """Keep nothing."""


_set_up = threading.Lock()


def open_yfinance() -> tuple[Any, Traffic]:
    """Return the session through which yfinance asks, and the traffic that bounds it; tame the library first."""
    import yfinance
    from yfinance import cache
    from yfinance.data import YfData

    with _set_up:
        if yfinance.config.debug.hide_exceptions:
            cache._TzCacheManager._tz_cache = _Zones()  # noqa: SLF001 - there is no public way around its files
            cache._CookieCacheManager._Cookie_cache = cache._CookieCacheDummy()  # noqa: SLF001 - as above
            logging.getLogger("yfinance").setLevel(logging.CRITICAL)  # each failure is raised, and logged by us
            warnings.filterwarnings("ignore", module="yfinance")  # its use of pandas is its own affair
            yfinance.config.debug.hide_exceptions = False
        # A failed answer for a past window would be repeated for ever without a request.
        YfData.cache_get.cache_clear()
        # Inside the lock: the first of these makes the one object through which all threads ask, and a second one
        # made meanwhile would ask through a session without our deadline.
        session, traffic = open_session()
        YfData(session=session)
        return session, traffic


def _fetched(symbol: str, frame: Any, meta: Mapping[str, Any]) -> Fetched:
    """Turn yfinance's pandas frame (index: midnight of each session, local) into ours."""
    if meta.get("symbol") != symbol:
        raise Malformed(f"Yahoo was asked for {symbol} and answered with {meta.get('symbol')}")
    sessions = pl.Series("session", [stamp.date() for stamp in frame.index], dtype=pl.Date)
    named = {name: name.replace("_", " ").title() for name in VALUES}
    raw = pl.DataFrame([sessions, *(pl.Series(ours, frame[theirs].to_numpy()) for ours, theirs in named.items())])
    priced = raw.filter(~pl.all_horizontal(pl.col(PRICES).is_nan()))
    actions = pl.concat(
        [_actions(sessions, frame, "split", "Stock Splits"), _actions(sessions, frame, "dividend", "Dividends")]
    )
    return Fetched(
        bars=conform(_as_printed(_adjusted(priced, actions)).with_columns(pl.lit(symbol).alias("symbol"))),
        actions=actions,
        name=meta.get("longName") or meta.get("shortName"),
        exchange=EXCHANGES.get(str(meta.get("exchangeName")), exchange_of(symbol)),
        currency=meta.get("currency"),
    )


def _adjusted(bars: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Empty `adj_close` where Yahoo left it out: yfinance then repeats the close, which a dividend gives away."""
    paid = actions.filter((pl.col("kind") == "dividend") & (pl.col("session") > bars["session"].min()))
    if paid.is_empty() or not (bars["adj_close"] == bars["close"]).all():
        return bars
    return bars.with_columns(pl.lit(None, pl.Float64).alias("adj_close"))


def _as_printed(bars: pl.DataFrame) -> pl.DataFrame:
    """Turn prices that are widened single floats (178.08999633789062) into the decimals they stand for (178.09)."""
    widened = {name: pl.col(name).cast(pl.Float32) for name in (*PRICES, "adj_close")}
    return bars.with_columns(
        pl.when(narrow.cast(pl.Float64) == pl.col(name))
        .then(narrow.cast(pl.String).cast(pl.Float64, strict=False))
        .otherwise(pl.col(name))
        .alias(name)
        for name, narrow in widened.items()
    )


def _actions(sessions: pl.Series, frame: Any, kind: str, column: str) -> pl.DataFrame:
    if column not in frame.columns:
        return no_actions()
    values = pl.DataFrame([sessions, pl.Series("value", frame[column].to_numpy(), dtype=pl.Float64)])
    given = values.filter(pl.col("value").is_not_nan() & (pl.col("value") != 0))
    return given.with_columns(pl.lit(kind).alias("kind")).select(*ACTION_SCHEMA)


def failure_of(symbol: str, error: Exception, status: int | None) -> FetchFailed:
    """Return the one failure that yfinance's exception stands for; `status` is the last chart answer's, if any came.

    yfinance says "possibly delisted" of a server error, a holiday and a delisting alike; the status tells them apart.
    """
    from yfinance.exceptions import YFDataException, YFPricesMissingError, YFRateLimitError

    said = (str(error).splitlines() or [type(error).__name__])[0].partition(" See http")[0]
    said = _BY_CURL.sub("", said).rstrip(".")
    if isinstance(error, YFRateLimitError) or status == HTTPStatus.TOO_MANY_REQUESTS:
        return Limited(f"Yahoo refuses to answer for now ({symbol}): too many requests")
    if status == HTTPStatus.NOT_FOUND:
        return NoSuchSymbol(f"Yahoo doesn't know {symbol}")
    if status is not None and status > HTTPStatus.BAD_REQUEST:
        return Unreachable(f"Yahoo answered {status} for {symbol}")
    if status == HTTPStatus.BAD_REQUEST or isinstance(error, YFPricesMissingError):
        return NoBars(f"Yahoo has no bars of {symbol} in these sessions: {said}")
    if isinstance(error, YFDataException | OSError) and not isinstance(error, ValueError):  # JSON errors are both
        down = "is down" if isinstance(error, YFDataException) else "can't be reached"
        return Unreachable(f"Yahoo {down} ({symbol}): {said}")
    return Malformed(f"Yahoo's answer for {symbol} can't be read: {said}")
