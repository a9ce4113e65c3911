"""Yahoo's earnings days, through yfinance: a page a symbol for the past, one calendar for what comes.

What yfinance 1.7 does: `get_earnings_dates` scrapes a page of at most 100 rows, some 25 years of quarters, needs lxml,
gives None where the page has no table, whatever the page is, and reads times as whole hours of a named zone.
`get_earnings_calendar` gives at most 100 rows a request; with its own filter it asks for the 200 most traded symbols,
and that filter is where ours go in: one request for all we want, instead of the market page by page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, time
from functools import partial
from http import HTTPStatus
from typing import Any, Final, TypeVar

import polars as pl

from app.core.clock import calendar
from app.prices.frame import REPORTED_SCHEMA, Timing
from app.prices.sources.protocol import Malformed, NoBars, NoDays
from app.prices.sources.yahoo import UNREADABLE, YahooSource, failure_of, open_yfinance

PAGE_ROWS: Final = 100
"""Yahoo gives no more rows than this at once."""
ONE_EVENT_DAYS: Final = 5
"""A release and the call about it may be reported as two days so close together: the first one counts."""
_OPEN, _CLOSE, _MIDNIGHT = time(9, 30), time(16), time(0)
_TIMINGS: Final[dict[str, Timing]] = {"AMC": "amc", "BMO": "bmo"}
_T = TypeVar("_T")


class Yahoo(YahooSource):
    """Yahoo Finance with its earnings days."""

    def past_days(self, symbol: str, timeout_s: float) -> pl.DataFrame:
        """Return what the symbol's page has: its past days, and the next ones."""
        session, traffic = open_yfinance()
        from yfinance import Ticker

        what = f"earnings days of {symbol}"
        with traffic.call(timeout_s) as call:
            found = _read(what, lambda: Ticker(symbol, session=session).get_earnings_dates(limit=PAGE_ROWS), call)
            if found is None and (call.status or 0) >= HTTPStatus.BAD_REQUEST:
                raise failure_of(what, ValueError("no table"), call.status)
        if found is None:
            raise NoDays(f"Yahoo's page tells no {what}")
        return _one_event(_days(symbol, found.index))

    def days_to_come(self, symbols: Sequence[str], start: date, end: date, timeout_s: float) -> pl.DataFrame:
        """Return every day of these symbols in [start, end] that the calendar has."""
        _, traffic = open_yfinance()
        with traffic.call(timeout_s) as call:
            rows = _read("the earnings calendar", partial(_rows, symbols, start, end), call)
        wanted = frozenset(symbols)
        days = [(symbol, *_calendar_day(stamp, reports), None) for symbol, stamp, reports in rows if symbol in wanted]
        return _one_event(day for day in days if start <= day[1] <= end)


def _read(what: str, ask: Callable[[], _T], call: Any) -> _T:
    """Call yfinance and tell its failures apart."""
    from yfinance.exceptions import YFException

    try:
        return ask()
    except ImportError as error:
        raise Malformed(f"{what} can't be read: {error.name or error} is not installed") from error
    except KeyError as error:
        raise Malformed(f"Yahoo's answer for {what} can't be read: it has no {error}") from error
    except (YFException, OSError, *UNREADABLE) as error:
        failure = failure_of(what, error, call.status)
        raise (Malformed(failure.detail) if isinstance(failure, NoBars) else failure) from error


def _days(symbol: str, stamps: Any) -> Iterator[tuple[str, date, str, None]]:
    """Read the page's stamps: aware, whole hours; a midnight is a day without a time."""
    for stamp in stamps:
        moment = stamp.to_pydatetime()
        if moment.time() == _MIDNIGHT:
            yield symbol, moment.date(), "unknown", None
        else:
            local = moment.astimezone(calendar().timezone)
            yield symbol, local.date(), _by_time(local.time()), None


def _by_time(local: time) -> Timing:
    """Return what a time of day in New York says: before the open, after the close, or nothing."""
    if local < _OPEN:
        return "bmo"
    return "amc" if local >= _CLOSE else "unknown"


def _rows(symbols: Sequence[str], start: date, end: date) -> list[tuple[str, datetime, str | None]]:
    """Ask the calendar about symbols; where a page comes back full, about each half of them."""
    from yfinance import Calendars
    from yfinance.calendars import CalendarQuery

    asked = Calendars(start.isoformat(), end.isoformat(), session=open_yfinance()[0])
    # yfinance fills this with the most traded symbols, and keeps what it finds there.
    asked._most_active_qy = CalendarQuery("or", [CalendarQuery("eq", ["ticker", one]) for one in symbols])  # noqa: SLF001
    found = asked.get_earnings_calendar(limit=PAGE_ROWS)
    if len(found) >= PAGE_ROWS and len(symbols) > 1:
        half = len(symbols) // 2
        return [*_rows(symbols[:half], start, end), *_rows(symbols[half:], start, end)]
    timings = found["Timing"] if "Timing" in found.columns else [None] * len(found)
    stamps = [stamp.to_pydatetime() for stamp in found["Event Start Date"]]
    return list(zip((str(symbol) for symbol in found.index), stamps, timings, strict=True))


def _calendar_day(stamp: datetime, reports: str | None) -> tuple[date, str]:
    """Return a row's day in New York and its timing; a midnight in UTC is a day without a time unless it is `AMC`."""
    timing = _TIMINGS.get(str(reports).upper())
    if timing != "amc" and stamp.time() == _MIDNIGHT:
        return stamp.date(), timing or "unknown"
    local = stamp.astimezone(calendar().timezone)
    supplied = str(reports).upper() != "TNS"  # "time not supplied": the stamp's time of day is made up
    return local.date(), timing or (_by_time(local.time()) if supplied else "unknown")


def _one_event(days: Iterable[tuple[str, date, str, None]]) -> pl.DataFrame:
    """Return days as a frame, the first of those that stand close together; a known timing goes before none."""
    reported = pl.DataFrame(list(days), schema=REPORTED_SCHEMA, orient="row")
    best = reported.sort("symbol", "date", pl.col("timing") == "unknown").unique(["symbol", "date"], keep="first")
    ordered = best.sort("symbol", "date")
    near = pl.col("date").diff().over("symbol") <= pl.duration(days=ONE_EVENT_DAYS)
    return ordered.filter(~near.fill_null(value=False))
