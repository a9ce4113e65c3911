"""Yahoo's page and calendar of earnings days, read by yfinance itself from answers that are put in its way."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from app.prices.sources import yahoo_earnings
from app.prices.sources.protocol import EarningsSource, Limited, Malformed, NoDays, Unreachable
from app.prices.sources.sample import SampleSource
from app.prices.sources.yahoo_earnings import Yahoo

# The program silences yfinance's use of pandas once a process; pytest forgets that after each test.
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")
START, END = date(2021, 1, 1), date(2021, 4, 30)
COLUMNS = [
    ("Symbol", "STRING"), ("Company Name", "STRING"), ("Market Cap (Intraday)", "NUMBER"), ("Event Name", "STRING"),
    ("Event Start Date", "DATE"), ("Event Start Date", "STRING"), ("EPS Estimate", "NUMBER"),
    ("Reported EPS", "NUMBER"), ("Surprise (%)", "NUMBER"),
]  # fmt: skip


@dataclass
class Answer:
    """What an HTTP answer is to yfinance."""

    text: str = ""
    document: Any = None
    status_code: int = 200

    def json(self) -> Any:
        """Return the document."""
        return self.document


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], list[Any]]:
    """Return a function that makes yfinance get these answers (or raise them); it returns the questions."""
    from yfinance.data import YfData

    asked: list[Any] = []

    def give(answer: Any) -> list[Any]:
        def reply(_: Any, url: str, *__: Any, body: Any = None, **___: Any) -> Any:
            asked.append(body or url)
            reported = answer(body) if callable(answer) else answer
            if isinstance(reported, Exception):
                raise reported
            return reported

        monkeypatch.setattr(YfData, "get", reply)  # the one way out of the library, for the page
        monkeypatch.setattr(YfData, "post", reply)  # and for the calendar
        return asked

    return give


def _page(*stamps: str) -> Answer:
    names = ("Symbol", "Company", "Earnings Date", "EPS Estimate", "Reported EPS", "Surprise (%)")
    head = "".join(f"<th>{name}</th>" for name in names)
    cells = "<td>KO</td><td>Coke</td><td>{}</td><td>1</td><td>-</td><td>-</td>"
    rows = "".join(f"<tr>{cells.format(stamp)}</tr>" for stamp in stamps)
    return Answer(f"<html><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></html>")


def _calendar(*rows: tuple[str, str, str]) -> Answer:
    reported = [[symbol, symbol, 1e9, "Earnings", stamp, timing, 1.0, 0, 0] for symbol, stamp, timing in rows]
    documents = [{"columns": [{"label": label, "type": kind} for label, kind in COLUMNS], "rows": reported}]
    return Answer(document={"finance": {"result": [{"documents": documents}], "error": None}})


def test_a_page_tells_days_by_new_yorks_time(answers: Callable[[Any], list[Any]]) -> None:
    """Both clocks of the year, another zone, a time in the session, a midnight; a call after the release drops out."""
    answers(
        _page(
            "January 28, 2021 at 4 PM EST", "October 22, 2020 at 7 AM EDT", "July 21, 2020 at 11 AM EDT",
            "April 21, 2020 at 12 AM EDT", "January 30, 2020 at 11 PM UTC", "October 22, 2019 at 8 AM EDT",
            "October 18, 2019 at 5 PM EDT",
        )
    )  # fmt: skip
    reported = Yahoo().past_days("KO", 5.0)
    assert reported.select("symbol", "date", "timing").rows() == [
        ("KO", date(2019, 10, 18), "amc"),
        ("KO", date(2020, 1, 30), "amc"),
        ("KO", date(2020, 4, 21), "unknown"),
        ("KO", date(2020, 7, 21), "unknown"),
        ("KO", date(2020, 10, 22), "bmo"),
        ("KO", date(2021, 1, 28), "amc"),
    ]
    assert reported["known_at"].null_count() == reported.height


@pytest.mark.parametrize(
    ("local", "timing"),
    [(time(9, 29), "bmo"), (time(9, 30), "unknown"), (time(15, 59), "unknown"), (time(16), "amc"), (time(0, 1), "bmo")],
)
def test_the_time_of_day_tells_the_timing(local: time, timing: str) -> None:
    """Before the open, after the close, or during the session, which says nothing."""
    assert yahoo_earnings._by_time(local) == timing


@pytest.mark.parametrize(
    ("stamp", "reports", "day", "timing"),
    [
        (datetime(2021, 1, 28, 21, tzinfo=UTC), "AMC", date(2021, 1, 28), "amc"),
        (datetime(2021, 1, 29, 0, tzinfo=UTC), "AMC", date(2021, 1, 28), "amc"),
        (datetime(2021, 1, 28, 0, tzinfo=UTC), "BMO", date(2021, 1, 28), "bmo"),
        (datetime(2021, 1, 28, 0, tzinfo=UTC), "TNS", date(2021, 1, 28), "unknown"),
        (datetime(2021, 1, 28, 13, tzinfo=UTC), "TNS", date(2021, 1, 28), "unknown"),
        (datetime(2021, 1, 28, 13, tzinfo=UTC), "TAS", date(2021, 1, 28), "bmo"),
        (datetime(2021, 1, 29, 1, tzinfo=UTC), None, date(2021, 1, 28), "amc"),
    ],
)
def test_a_calendars_stamp_is_utc(stamp: datetime, reports: str | None, day: date, timing: str) -> None:
    """The word goes before the time of day, and a midnight is no time."""
    assert yahoo_earnings._calendar_day(stamp, reports) == (day, timing)


def test_the_calendar_is_asked_for_our_symbols_alone(answers: Callable[[Any], list[Any]]) -> None:
    """One question for all; another symbol's day and one outside the window don't count."""
    asked = answers(
        _calendar(
            ("KO", "2021-02-10T12:00:00.000Z", "BMO"), ("KO", "2021-02-11T13:30:00.000Z", "TAS"),
            ("IBM", "2021-01-21T21:00:00.000Z", "AMC"), ("GE", "2021-01-26T12:00:00.000Z", "BMO"),
            ("IBM", "2021-06-01T21:00:00.000Z", "AMC"),
        )
    )  # fmt: skip
    reported = Yahoo().days_to_come(["KO", "IBM"], START, END, 5.0)
    assert reported.select("symbol", "date", "timing").rows() == [
        ("IBM", date(2021, 1, 21), "amc"),
        ("KO", date(2021, 2, 10), "bmo"),
    ]
    assert len(asked) == 1
    assert "'KO'" in str(asked[0])


def test_symbols_whose_page_is_full_are_asked_for_by_halves(answers: Callable[[Any], list[Any]]) -> None:
    """Such a page may be cut off."""
    names = [f"A{number}" for number in range(60)]

    def reply(body: Any) -> Answer:
        asked = [one["operands"][1] for one in body["query"]["operands"][-1]["operands"]]
        rows = [(name, f"2021-0{month}-10T12:00:00.000Z", "BMO") for month in (1, 2, 3) for name in asked]
        return _calendar(*rows[: body["size"]])

    asked = answers(reply)
    reported = Yahoo().days_to_come(names, START, END, 5.0)
    assert reported.height == 180
    assert len(asked) == 3


def test_nothing_to_come_is_an_empty_frame(answers: Callable[[Any], list[Any]]) -> None:
    """QueryScope is an answer."""
    answers(_calendar())
    assert Yahoo().days_to_come(["KO"], START, END, 5.0).is_empty()


def test_a_page_without_a_table_tells_nothing(answers: Callable[[Any], list[Any]]) -> None:
    """A fund's page, or any other HTML: asked for again some other day, no sign that Yahoo is down."""
    answers(Answer("<html><p>We couldn't find any results.</p></html>"))
    with pytest.raises(NoDays, match="tells no earnings days of SPY"):
        Yahoo().past_days("SPY", 5.0)


def test_failures_are_told_apart(answers: Callable[[Any], list[Any]]) -> None:
    """A refusal, a broken line, HTML for JSON, an odd page."""
    from curl_cffi.requests import exceptions as http
    from yfinance.exceptions import YFRateLimitError

    for reported, failure in [
        (YFRateLimitError(), Limited),
        (http.Timeout("28"), Unreachable),
        (Answer(document={}), Malformed),
        (Answer(document={"finance": {"error": {"code": "Bad Request"}}}), Malformed),
    ]:
        answers(reported)
        with pytest.raises(failure, match="the earnings calendar"):
            Yahoo().days_to_come(["KO"], START, END, 5.0)
    answers(_page("Jan 28 at 4"))
    with pytest.raises(Malformed, match="earnings days of KO"):
        Yahoo().past_days("KO", 5.0)


def test_without_lxml_the_page_cant_be_read(
    answers: Callable[[Any], list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one line names what is missing."""
    answers(_page("January 28, 2021 at 4 PM EST"))
    for name in [name for name in sys.modules if name == "lxml" or name.startswith("lxml.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "lxml", None)
    monkeypatch.setitem(sys.modules, "lxml.etree", None)
    with pytest.raises(Malformed, match="lxml"):
        Yahoo().past_days("KO", 5.0)


def test_yahoo_knows_earnings_days_and_the_sample_does_not() -> None:
    """`auto` means the price source's, where it has any."""
    assert isinstance(Yahoo(), EarningsSource)
    assert not isinstance(SampleSource(), EarningsSource)
