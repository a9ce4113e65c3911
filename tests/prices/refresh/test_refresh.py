"""A refresh brings bars up to date, once, atomically, and says in one word how it went."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from app.core.clock import Clock
from app.core.db import Database
from app.prices import store
from app.prices.checks import quarantine
from app.prices.refresh import merge
from app.prices.refresh.run import refresh, refresh_one
from app.prices.sources.protocol import FetchFailed, Limited, Malformed, NoBars, NoSuchSymbol, Unreachable
from app.prices.store import sql
from tests.prices.market import SESSIONS, SPLIT, Market, bars, evening

BEFORE_SPLIT = date(2020, 8, 28)
OHLC = ("open", "high", "low", "close")


@pytest.fixture
def market() -> Market:
    """Return three symbols on the last Friday before AAPL's split."""
    return Market(
        {symbol: bars(symbol) for symbol in ("AAPL", "KO", "IBM")}, today=BEFORE_SPLIT, splits={"AAPL": [(SPLIT, 4.0)]}
    )


def outcomes(reports: list) -> list[str]:
    """Return the one word of each report."""
    return [report.outcome for report in reports]


def stored(database: Database, symbol: str) -> pl.DataFrame:
    """Return a symbol's stored bars."""
    return store.panel(database, [symbol])


def at(day: date) -> Clock:
    """Return a clock that stands after the day's bars are final."""
    return Clock(evening(day))


def test_the_first_refresh_stores_what_the_source_has(database: Database, market: Market) -> None:
    """Bars, name, exchange and provenance are there; the watchlist decides for whom."""
    with database.write() as db:
        store.watch(db, ["KO", "AAPL"], evening(BEFORE_SPLIT))
    reports = refresh(database, market, at(BEFORE_SPLIT))
    assert [report.symbol for report in reports] == ["KO", "AAPL"]
    assert outcomes(reports) == ["updated", "updated"]
    assert stored(database, "KO").equals(bars("KO").filter(pl.col("session") <= BEFORE_SPLIT))
    with database.read() as db:
        status = store.status(db, "KO")
    assert (status.name, status.currency, status.source, status.outcome) == ("KO Inc.", "USD", "yahoo", "updated")
    assert (status.last, status.refreshed_at) == (BEFORE_SPLIT, evening(BEFORE_SPLIT))


def test_nothing_is_asked_while_no_session_became_final(database: Database, market: Market) -> None:
    """The second refresh of an evening is `closed`, without a request, and the store is as it was."""
    refresh(database, market, at(BEFORE_SPLIT), ["KO"])
    asked, before = len(market.asked), stored(database, "KO")
    reports = refresh(database, market, Clock(evening(BEFORE_SPLIT) + timedelta(days=1)), ["KO"])
    assert outcomes(reports) == ["closed"]
    assert len(market.asked) == asked
    assert stored(database, "KO").equals(before)


def test_a_refresh_asks_once_and_only_for_the_end(database: Database, market: Market) -> None:
    """Without news a symbol costs one request, with an overlap of ten sessions."""
    refresh(database, market, at(BEFORE_SPLIT), ["KO"])
    market.asked.clear()
    reports = refresh(database, market, at(date(2020, 8, 31)), ["KO"])
    assert outcomes(reports) == ["unchanged"]
    assert reports[0].detail == "the source has no bar yet for 31 Aug 2020"
    assert market.asked == [("KO", date(2020, 8, 17))]


def test_a_new_session_is_added(database: Database, market: Market) -> None:
    """One more day, one more bar; the others keep their first instant."""
    refresh(database, market, at(BEFORE_SPLIT), ["KO"])
    market.today = date(2020, 8, 31)
    report = refresh(database, market, at(date(2020, 8, 31)), ["KO"])[0]
    assert (report.outcome, report.added, report.changed, report.last) == ("updated", 1, 0, date(2020, 8, 31))


def test_the_running_session_is_left_out(database: Database, market: Market) -> None:
    """At noon, and just after the close, today's row isn't final; half an hour later it is."""
    market.today = date(2020, 8, 31)
    for instant, last in [
        (datetime(2020, 8, 31, 16, tzinfo=UTC), BEFORE_SPLIT),
        (datetime(2020, 8, 31, 20, 29, tzinfo=UTC), BEFORE_SPLIT),
        (datetime(2020, 8, 31, 20, 30, tzinfo=UTC), date(2020, 8, 31)),
    ]:
        refresh(database, market, Clock(instant), ["KO"])
        assert stored(database, "KO")["session"].max() == last


def test_a_missing_session_in_the_middle_is_fetched_again(database: Database, market: Market) -> None:
    """A gap of a few weeks ago is asked for; once known to be nowhere, it is let be."""
    hole = date(2020, 8, 5)
    market.spoil = lambda frame: frame.filter(pl.col("session") != hole)
    refresh(database, market, at(BEFORE_SPLIT), ["KO"])
    assert outcomes(refresh(database, market, at(BEFORE_SPLIT), ["KO"])) == ["closed"]
    market.spoil, market.today = lambda frame: frame, date(2020, 8, 31)
    report = refresh(database, market, at(date(2020, 8, 31)), ["KO"])[0]
    assert (report.outcome, report.added) == ("updated", 2)
    assert hole in stored(database, "KO")["session"].to_list()


def test_a_split_restates_the_whole_history_once(database: Database, market: Market) -> None:
    """Across AAPL's 4:1 split no return jumps, one restatement is recorded, the old scale can still be read."""
    for today in (BEFORE_SPLIT, SPLIT, date(2020, 9, 1), date(2020, 9, 2)):
        market.today = today
        refresh(database, market, at(today), ["AAPL"])
    now = stored(database, "AAPL")
    assert now.equals(bars("AAPL").filter(pl.col("session") <= date(2020, 9, 2)))
    assert now["close"].pct_change().abs().max() < 0.03
    with database.read() as db:
        kept = sql.run(db, "SELECT reason, count(*), min(replaced_at) FROM bar_revision GROUP BY reason, replaced_at")
        before = store.as_known(db, "AAPL", evening(BEFORE_SPLIT))
    assert [(reason, count) for reason, count, _ in kept] == [("split 4:1: older prices times 0.25", 42)]
    assert before["close"][-1] == pytest.approx(4 * now.filter(pl.col("session") == BEFORE_SPLIT)["close"].item())


def test_bars_the_new_history_lacks_are_put_on_its_scale(database: Database, market: Market) -> None:
    """At a split no stored row is lost, and none stays on the old scale."""
    refresh(database, market, at(BEFORE_SPLIT), ["AAPL"])
    market.today = SPLIT
    market.spoil = lambda frame: frame.filter(pl.col("session") > date(2020, 7, 10))
    refresh(database, market, at(SPLIT), ["AAPL"])
    now = stored(database, "AAPL")
    assert now.height == 43
    assert now["close"].pct_change().abs().max() < 0.03


def test_a_split_that_older_prices_do_not_show_yet_waits(database: Database, market: Market) -> None:
    """Yahoo announced it, but hasn't adjusted: the new bars wait until it has, then everything is right."""
    refresh(database, market, at(BEFORE_SPLIT), ["AAPL"])
    original, market.today = market.bars["AAPL"], SPLIT
    late = Market({"AAPL": original}, today=BEFORE_SPLIT, splits={"AAPL": [(SPLIT, 4.0)]}).fetch("AAPL").bars
    market.bars["AAPL"] = pl.concat([late, original.filter(pl.col("session") >= SPLIT)])
    report = refresh(database, market, at(SPLIT), ["AAPL"])[0]
    assert report.outcome == "quarantined"
    assert merge.UNADJUSTED in report.detail
    assert stored(database, "AAPL")["session"].max() == BEFORE_SPLIT
    market.bars["AAPL"], market.today = original, date(2020, 9, 1)
    assert refresh(database, market, at(date(2020, 9, 1)), ["AAPL"])[0].outcome == "updated"
    assert stored(database, "AAPL").equals(original.filter(pl.col("session") <= date(2020, 9, 1)))


def test_a_corrected_bar_is_a_revision(database: Database, market: Market) -> None:
    """A final bar that changes later is replaced, reported, and the old one kept."""
    refresh(database, market, at(BEFORE_SPLIT), ["KO"])
    market.today = SPLIT
    market.bars["KO"] = market.bars["KO"].with_columns(
        pl.when(pl.col("session") == BEFORE_SPLIT).then(pl.col("volume") + 7).otherwise("volume").alias("volume")
    )
    report = refresh(database, market, at(SPLIT), ["KO"])[0]
    assert (report.added, report.changed, report.detail) == (1, 1, "the source corrected it")


FAULTS: list[tuple[Callable[[str], FetchFailed], str, str]] = [
    (Limited, "limited", "limited"),
    (Unreachable, "unreachable", "unreachable"),
    (Malformed, "malformed", "malformed"),
    (NoSuchSymbol, "unknown", "delisted"),
    (NoBars, "unknown", "malformed"),
]


@pytest.mark.parametrize(("failure", "fresh", "known"), FAULTS)
def test_a_fault_has_its_outcome_loses_nothing_and_heals(
    database: Database, market: Market, failure: Callable[[str], FetchFailed], fresh: str, known: str
) -> None:
    """Laws 4 and 5: the failed symbol's bars stay, its neighbours go on, and the next refresh makes it good."""
    refresh(database, market, at(BEFORE_SPLIT), ["KO", "IBM"])
    before = stored(database, "KO")
    market.today = SPLIT
    market.fault = lambda symbol: failure("for the test") if symbol in {"KO", "AAPL"} else None
    with database.write() as db:
        store.watch(db, ["KO", "AAPL", "IBM"], evening(SPLIT))
    reports = [_patiently(database, market, symbol) for symbol in ("KO", "AAPL", "IBM")]
    assert outcomes(reports) == [known, fresh, "updated"]
    assert stored(database, "KO").equals(before)
    with database.read() as db:
        assert store.status(db, "KO").error == "for the test"
    market.fault = lambda _: None
    assert _patiently(database, market, "KO").outcome == "updated"
    assert _patiently(database, market, "AAPL").outcome == "updated"
    with database.read() as db:
        assert store.status(db, "KO").error is None


def _patiently(database: Database, market: Market, symbol: str) -> store.SymbolStatus:
    """Refresh one symbol with a single attempt and a breaker of its own."""
    fresh = replace(market)
    return refresh_one(database, fresh, at(SPLIT), symbol, attempts=1)


def test_who_wasnt_asked_keeps_the_reason_alone(database: Database, market: Market) -> None:
    """When the source may be asked again is told at once, and isn't kept: it will have passed."""
    refresh(database, market, at(BEFORE_SPLIT), ["KO"])
    market.fault = lambda _: Limited("refused")
    reports = [refresh_one(database, market, at(SPLIT), "KO", attempts=1) for _ in range(6)]
    assert reports[-1].detail.startswith("not asked: refused; the next try is at ")
    with database.read() as db:
        assert store.status(db, "KO").error == "refused"


def test_an_unknown_symbol_leaves_no_row(database: Database, market: Market) -> None:
    """A typing error isn't remembered."""
    assert outcomes(refresh(database, market, at(BEFORE_SPLIT), ["NOPE"])) == ["unknown"]
    with database.read() as db:
        assert store.statuses(db) == []


def test_a_bad_tick_is_held_and_let_go_when_it_is_corrected(database: Database, market: Market) -> None:
    """The day's bar at a hundred times the price waits; corrected, it is stored and the entry cleared."""
    refresh(database, market, at(BEFORE_SPLIT), ["KO"])
    market.today = SPLIT
    market.spoil = lambda frame: frame.with_columns(
        pl.when(pl.col("session") == SPLIT).then(pl.col(name) * 100).otherwise(pl.col(name)).alias(name)
        for name in OHLC
    )
    first = refresh(database, market, at(SPLIT), ["KO"])[0]
    assert (first.outcome, first.detail) == ("quarantined", "quarantined 1 (currency_slip)")
    again = refresh_one(database, market, at(SPLIT), "KO")
    assert again.outcome == "quarantined"
    with database.read() as db:
        assert [held.session for held in quarantine.listing(db)] == [SPLIT]
    market.spoil = lambda frame: frame
    assert refresh_one(database, market, at(SPLIT), "KO").outcome == "updated"
    with database.read() as db:
        assert quarantine.listing(db) == []
        assert [held.state for held in quarantine.listing(db, state=None)] == ["cleared"]


def test_a_held_bar_is_released_or_dropped_by_hand(database: Database, market: Market) -> None:
    """Released, it is stored and stays; dropped, it stays out; both survive the next refresh."""
    market.spoil = lambda frame: frame.with_columns(
        pl.when(pl.col("session").is_in([SESSIONS[10], SESSIONS[20]]))
        .then(pl.col(name) * 1.2)
        .otherwise(pl.col(name))
        .alias(name)
        for name in OHLC
    )
    refresh(database, market, at(BEFORE_SPLIT), ["KO"])
    with database.write() as db:
        second, first = quarantine.listing(db)
        quarantine.release(db, [first.id], evening(BEFORE_SPLIT))
        quarantine.drop(db, [second.id], evening(BEFORE_SPLIT))
    refresh_one(database, market, at(BEFORE_SPLIT), "KO", whole=True)
    sessions = stored(database, "KO")["session"].to_list()
    assert SESSIONS[10] in sessions
    assert SESSIONS[20] not in sessions
    with database.read() as db:
        assert quarantine.listing(db) == []


def test_prices_on_an_absurd_scale_change_nothing(database: Database, market: Market) -> None:
    """A history suddenly in pence, without a split, is refused as a whole."""
    refresh(database, market, at(BEFORE_SPLIT), ["KO"])
    before = stored(database, "KO")
    market.today = SPLIT
    market.spoil = lambda frame: frame.with_columns(pl.col(*OHLC, "adj_close") * 100)
    assert outcomes(refresh(database, market, at(SPLIT), ["KO"])) == ["malformed"]
    assert stored(database, "KO").equals(before)


def test_real_prices_take_the_samples_place(database: Database, market: Market) -> None:
    """The sample's bars count as none: the history is fetched whole and the sample is gone."""
    with database.write() as db:
        store.upsert(db, bars("AAPL", SESSIONS[:5], level=3.0), "sample", evening(SESSIONS[5]))
    market.today = SPLIT
    assert outcomes(refresh(database, market, at(SPLIT), ["AAPL"])) == ["updated"]
    assert stored(database, "AAPL").equals(bars("AAPL").filter(pl.col("session") <= SPLIT))


def test_under_a_fixed_clock_nothing_later_is_asked(database: Database) -> None:
    """A replay never sees its future."""
    market = Market({"KO": bars("KO")})
    refresh(database, market, at(BEFORE_SPLIT), ["KO"])
    assert stored(database, "KO")["session"].max() == BEFORE_SPLIT
