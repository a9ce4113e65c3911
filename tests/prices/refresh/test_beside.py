"""Series and earnings days beside the watchlist's prices: fetched after them, and never in their way."""

import time
from datetime import date, datetime, timedelta

import pytest

from app.core.clock import Clock
from app.core.db import Database
from app.core.settings import Settings
from app.prices import store
from app.prices.outcomes import RefreshReport
from app.prices.refresh.beside import refresh_beside
from app.prices.refresh.earnings import refresh_earnings
from app.prices.refresh.run import refresh
from app.prices.sources.guard import Guard, guard_of, side_guard_of
from app.prices.sources.protocol import Limited, Malformed, Unreachable
from tests.prices.market import SESSIONS, Market, MarketWithEarnings, bars, evening

TODAY = SESSIONS[-1]
PAST, SOON, MOVED = date(2020, 10, 22), date(2021, 1, 28), date(2021, 2, 2)
NAMES = ("KO", "IBM", "SPY")
NOW = evening(TODAY)


def _market(**changes: object) -> MarketWithEarnings:
    days = {"KO": [(PAST, "bmo"), (SOON, "amc")], "IBM": [(date(2020, 10, 19), "amc"), (date(2021, 1, 21), "amc")]}
    prices = {symbol: bars(symbol) for symbol in (*NAMES, "^VIX")}
    return MarketWithEarnings(prices, days=days, **changes)


@pytest.fixture
def watched(database: Database) -> Database:
    """Return a store that watches three symbols, one of which has no earnings."""
    with database.write() as db:
        store.watch(db, NAMES, NOW)
    return database


def _earnings(database: Database, market: MarketWithEarnings, now: datetime = NOW, **options: float) -> RefreshReport:
    return refresh_earnings(database, market, Clock(now), NAMES, **options)


def _known(database: Database) -> list[tuple[str, date]]:
    with database.read() as db:
        return [(one.symbol, one.date) for one in store.earnings_days(db, ["KO"])]


def test_a_first_refresh_asks_the_calendar_once_and_each_page_once(watched: Database) -> None:
    """What comes is known from now on, the past from ten sessions before; a fund has none, and says so."""
    market = _market()
    report = _earnings(watched, market)
    assert (report.outcome, report.added, report.changed) == ("updated", 4, 0)
    assert report.detail == "lacking: SPY"
    assert (market.questions[0], sorted(market.questions[1:])) == ("calendar", sorted(NAMES))
    with watched.read() as db:
        known = store.events(db, ["KO"])
    assert known["known_at"].to_list() == [evening(date(2020, 10, 8)) - timedelta(hours=2), NOW]


def test_the_same_evening_nothing_is_asked_again(watched: Database) -> None:
    """The calendar is asked once a day, a page once a week; one line says that nothing was due."""
    market = _market()
    _earnings(watched, market)
    market.questions.clear()
    assert _earnings(watched, market, NOW + timedelta(hours=1)).outcome == "closed"
    assert market.questions == []
    _earnings(watched, market, NOW + timedelta(days=1))
    assert market.questions == ["calendar", "SPY"]
    _earnings(watched, market, NOW + timedelta(days=7))
    assert market.questions[2] == "calendar"
    assert sorted(market.questions[3:]) == sorted(NAMES)


def test_a_moved_and_a_vanished_day_end(watched: Database) -> None:
    """Both are reported in one line, and the past day stays."""
    market = _market()
    _earnings(watched, market)
    market.days["KO"] = [(MOVED, "amc")]
    market.days["IBM"] = []
    report = _earnings(watched, market, NOW + timedelta(days=1))
    assert (report.outcome, report.added, report.changed) == ("updated", 1, 2)
    assert _known(watched) == [("KO", PAST), ("KO", MOVED)]


def test_a_page_counts_for_days_to_come_only_where_the_calendar_has_none(watched: Database) -> None:
    """The calendar refuses, so the page's next day stands; when both speak, the calendar does."""
    refusal: list[Malformed] = [Malformed("no table")]
    market = _market(calendar_fault=lambda: refusal[0] if refusal else None)
    assert _earnings(watched, market).detail == "no table; lacking: SPY"
    assert _known(watched) == [("KO", PAST), ("KO", SOON)]


@pytest.mark.parametrize("failure", [Limited("429"), Unreachable("timeout"), Malformed("no table")])
def test_a_source_that_fails_is_left_after_two_tries(watched: Database, failure: Exception) -> None:
    """The pass ends, tells what it lacked, and the next refresh asks again."""
    market = _market(calendar_fault=lambda: failure, page_fault=lambda _: failure)
    report = _earnings(watched, market)
    assert report.outcome == failure.outcome
    assert report.detail == f"{failure.detail}; lacking: IBM KO SPY"
    assert len(market.questions) == 2
    assert _known(watched) == []
    assert refresh(watched, market, Clock(NOW))[0].outcome == "updated"


def test_time_is_bounded(watched: Database) -> None:
    """Where time is up, what is left waits for the next refresh, which asks for it first."""
    market = _market()
    report = _earnings(watched, market, budget_s=0.0)
    assert report.detail.endswith("lacking: IBM KO SPY")
    assert market.questions == []


def test_refused_pages_leave_prices_alone(watched: Database) -> None:
    """The breaker of earnings days is its own: prices are asked for all the same."""
    refused = Limited("429")
    market = _market(calendar_fault=lambda: refused, page_fault=lambda _: refused)
    for _ in range(3):
        _earnings(watched, market)
    assert {report.outcome for report in refresh(watched, market, Clock(NOW))} == {"updated"}


def test_series_and_earnings_days_are_reported_in_a_line_each(watched: Database, settings: Settings) -> None:
    """`^VIX` is stored as bars, beside the panel."""
    market = _market()
    beside = refresh_beside(settings, watched, market, Clock(NOW), [])
    assert [(report.symbol, report.outcome) for report in beside] == [
        ("^VIX", "updated"), ("earnings days", "updated"),
    ]  # fmt: skip
    assert store.series(watched).equals(bars("^VIX"))
    assert store.panel(watched).is_empty()


@pytest.mark.parametrize(
    ("changes", "reported"),
    [
        ({"events": "off"}, ["^VIX"]),
        ({"market_series": ()}, ["earnings days"]),
        ({"events": "off", "market_series": ()}, []),
    ],
)
def test_settings_turn_either_off(
    watched: Database, settings: Settings, changes: dict[str, object], reported: list[str]
) -> None:
    """`off`, and an empty list of series."""
    chosen = settings.model_copy(update=changes)
    beside = refresh_beside(chosen, watched, _market(), Clock(NOW), [])
    assert [report.symbol for report in beside] == reported


def test_a_source_without_earnings_days_is_not_asked(watched: Database, settings: Settings) -> None:
    """A source of prices alone has nothing to tell; a named symbol fetches no series."""
    market = Market({symbol: bars(symbol) for symbol in (*NAMES, "^VIX")})
    assert refresh_beside(settings, watched, market, Clock(NOW), [], ["KO"]) == []


def test_a_missing_series_costs_no_more_than_its_time(watched: Database, settings: Settings) -> None:
    """It is reported, and nothing else fails."""
    market = _market()
    market.bars.pop("^VIX")
    began = time.monotonic()
    beside = refresh_beside(settings, watched, market, Clock(NOW), [])
    assert [report.outcome for report in beside] == ["unknown", "updated"]
    assert time.monotonic() - began < 5


def test_the_side_guard_shares_the_budget_alone() -> None:
    """One rate for the host, two breakers."""
    market = _market()
    side: Guard = side_guard_of(market)
    assert side is side_guard_of(market)
    assert side.breaker is not guard_of(market).breaker


def test_nothing_is_asked_while_the_source_is_down(watched: Database, settings: Settings) -> None:
    """Where no price could be had, nobody waits for anything else; one symbol's failure says nothing."""
    market = _market()
    down, unknown = RefreshReport("KO", "unreachable"), RefreshReport("IBM", "unknown")
    beside = refresh_beside(settings, watched, market, Clock(NOW), [down, down])
    assert [(report.symbol, report.outcome, report.detail) for report in beside] == [
        ("earnings days", "unreachable", "not asked: no price could be had")
    ]
    assert market.questions == []
    assert len(refresh_beside(settings, watched, market, Clock(NOW), [down, unknown])) == 2
