"""What is missing or held is asked for again: within hours at the end, some sessions later for a second look."""

from datetime import date, datetime, timedelta

import polars as pl

from app.core.clock import Clock, calendar
from app.core.db import Database
from app.prices import store
from app.prices.checks import quarantine
from app.prices.outcomes import RefreshReport
from app.prices.refresh.ingest import ingest
from app.prices.refresh.run import refresh_one
from app.prices.store import sql
from app.prices.store.holes import holes
from tests.prices.market import SESSIONS, Market, bars, evening

DAY, NEXT = SESSIONS[80], SESSIONS[81]
OHLC = ("open", "high", "low", "close")


def final(day: date) -> datetime:
    """Return the instant from which the session's bar is final."""
    return calendar().final_at(day)


def refreshed(database: Database, market: Market, now: datetime) -> RefreshReport:
    """Refresh KO at an instant."""
    return refresh_one(database, market, Clock(now), "KO")


def without(frame: pl.DataFrame, *days: date) -> pl.DataFrame:
    """Return the bars of other sessions."""
    return frame.filter(~pl.col("session").is_in(days))


def off(frame: pl.DataFrame, day: date, by: float) -> pl.DataFrame:
    """Return the bars with one session's prices on another scale."""
    here = pl.col("session") == day
    return frame.with_columns(
        pl.when(here).then(pl.col(name) * by).otherwise(pl.col(name)).alias(name) for name in OHLC
    )


def sessions(database: Database) -> list[date]:
    """Return the stored sessions."""
    with database.read() as db:
        return store.history(db, "KO")["session"].to_list()


def test_a_hole_among_the_newest_sessions_heals_the_same_evening(database: Database) -> None:
    """The bar of two sessions ago is missing; an hour later it is there, without a new session."""
    market = Market({"KO": bars("KO")}, today=DAY, spoil=lambda frame: without(frame, SESSIONS[78]))
    refreshed(database, market, final(DAY) + timedelta(minutes=2))
    assert refreshed(database, market, final(DAY) + timedelta(minutes=59)).outcome == "closed"
    market.spoil = lambda frame: frame
    report = refreshed(database, market, final(DAY) + timedelta(hours=1))
    assert (report.outcome, report.added) == ("updated", 1)
    assert sessions(database) == list(SESSIONS[:81])
    assert refreshed(database, market, final(DAY) + timedelta(hours=5)).outcome == "closed"


def test_a_hole_is_asked_for_a_few_times_backing_off(database: Database) -> None:
    """One, two and four hours after the close is final, then with the next session; after ten sessions it's a gap."""
    market = Market({"KO": bars("KO")}, today=DAY, spoil=lambda frame: without(frame, SESSIONS[78]))
    asked = [
        (minutes, len(market.asked))
        for minutes in range(2, 16 * 60, 3)
        if refreshed(database, market, final(DAY) + timedelta(minutes=minutes)).outcome != "closed"
    ]
    assert [minutes for minutes, _ in asked] == [2, 62, 122, 242]
    with database.read() as db:
        assert holes(db, ["KO"], calendar(), DAY) == {"KO": [SESSIONS[78]]}
    market.today = SESSIONS[90]
    refreshed(database, market, final(SESSIONS[90]))
    with database.read() as db:
        assert holes(db, ["KO"], calendar(), SESSIONS[90]) == {}


def test_a_held_bar_among_the_newest_heals_the_same_evening(database: Database) -> None:
    """Yesterday's bar came a hundred times too high, beside today's good one; it is corrected an hour later."""
    market = Market({"KO": bars("KO")}, today=NEXT, spoil=lambda frame: off(frame, DAY, 100.0))
    assert "quarantined 1 (currency_slip)" in refreshed(database, market, final(NEXT)).detail
    assert refreshed(database, market, final(NEXT) + timedelta(minutes=30)).outcome == "closed"
    market.spoil = lambda frame: frame
    assert refreshed(database, market, final(NEXT) + timedelta(minutes=61)).added == 1
    with database.read() as db:
        assert quarantine.listing(db) == []


def test_what_was_dropped_by_hand_is_no_hole(database: Database) -> None:
    """A person has decided; nor is a session before the first bar one."""
    market = Market({"KO": bars("KO", SESSIONS[75:])}, today=NEXT, spoil=lambda frame: off(frame, DAY, 100.0))
    refreshed(database, market, final(NEXT))
    with database.write() as db:
        assert holes(db, ["KO"], calendar(), NEXT) == {"KO": [DAY]}
        quarantine.drop(db, [quarantine.listing(db)[0].id or 0], final(NEXT))
    with database.read() as db:
        assert holes(db, ["KO"], calendar(), NEXT) == {}
    assert refreshed(database, market, final(NEXT) + timedelta(hours=2)).outcome == "closed"


def test_a_crash_that_the_source_still_has_later_is_confirmed(database: Database) -> None:
    """Held in the first history for want of volume; five sessions later Yahoo says the same, and it is stored."""
    true = off(bars("KO"), SESSIONS[20], 0.86)
    market = Market({"KO": true}, today=DAY)
    assert refreshed(database, market, evening(DAY)).detail == "quarantined 1 (jump_reverts)"
    for day in SESSIONS[81:85]:
        market.today = day
        refreshed(database, market, evening(day))
        assert SESSIONS[20] not in sessions(database)
    market.today = SESSIONS[85]
    report = refreshed(database, market, evening(SESSIONS[85]))
    assert (report.added, report.detail) == (2, "confirmed 1 (held before, and still so)")
    assert market.asked[-1] == ("KO", SESSIONS[10])
    with database.read() as db:
        assert store.history(db, "KO").equals(true.filter(pl.col("session") <= SESSIONS[85]))
        assert [entry.state for entry in quarantine.listing(db, None)] == ["confirmed"]
    market.today = SESSIONS[86]
    assert refresh_one(database, market, Clock(evening(SESSIONS[86])), "KO", whole=True).detail == ""


def test_a_wrong_close_that_was_mended_is_not_confirmed(database: Database) -> None:
    """The second look finds the true bar: it is stored, and the wrong one's entry is closed."""
    market = Market({"KO": bars("KO")}, today=DAY, spoil=lambda frame: off(frame, SESSIONS[20], 0.86))
    refreshed(database, market, evening(DAY))
    market.spoil, market.today = lambda frame: frame, SESSIONS[85]
    report = refreshed(database, market, evening(SESSIONS[85]))
    assert (report.added, report.detail) == (6, "")
    with database.read() as db:
        assert store.history(db, "KO").equals(bars("KO").filter(pl.col("session") <= SESSIONS[85]))
        assert [entry.state for entry in quarantine.listing(db, None)] == ["cleared"]


def test_a_bar_that_the_source_lacks_is_looked_for_again_later(database: Database) -> None:
    """No answer confirms nothing; it is asked for five sessions after that, not every evening."""
    market = Market({"KO": off(bars("KO"), SESSIONS[20], 0.86)}, today=DAY)
    refreshed(database, market, evening(DAY))
    market.spoil = lambda frame: without(frame, SESSIONS[20])
    starts = []
    for day in SESSIONS[81:92]:
        market.today = day
        refreshed(database, market, evening(day))
        starts.append(market.asked[-1][1])
    assert [place for place, start in enumerate(starts, start=81) if start == SESSIONS[10]] == [85, 90]
    with database.read() as db:
        assert [entry.state for entry in quarantine.listing(db)] == ["held"]


def test_the_same_file_again_confirms_nothing(database: Database) -> None:
    """A file says what it said whenever it is read."""
    wrong = off(bars("KO"), SESSIONS[20], 0.86)
    for day in (SESSIONS[80], SESSIONS[100]):
        with database.write() as db:
            assert ingest(db, wrong, "file", evening(day), "XNYS").held == {"jump_reverts": 1}
    with database.read() as db:
        assert len(quarantine.listing(db)) == 1


def test_a_store_of_single_floats_takes_decimals_without_rewriting(database: Database) -> None:
    """177.57000732421875 and 177.57 are one price: a refresh adds the new bars, changes none and keeps no revision."""
    decimal = bars("KO").with_columns(pl.col(*OHLC, "adj_close").round(2))
    widened = decimal.with_columns(pl.col(*OHLC, "adj_close").cast(pl.Float32).cast(pl.Float64))
    assert widened["close"].to_list() != decimal["close"].to_list()
    old = widened.filter(pl.col("session") <= DAY)
    with database.write() as db:
        store.upsert(db, old, "yahoo", evening(DAY))
    market = Market({"KO": decimal}, today=NEXT)
    assert (refreshed(database, market, evening(NEXT)).added, len(market.asked)) == (1, 1)
    whole = refresh_one(database, market, Clock(evening(NEXT)), "KO", whole=True)
    assert (whole.outcome, whole.changed) == ("unchanged", 0)
    with database.read() as db:
        assert sql.run(db, "SELECT count(*) FROM bar_revision") == [(0,)]
        assert store.history(db, "KO", end=DAY).equals(old)
        assert store.history(db, "KO", start=NEXT).equals(decimal.filter(pl.col("session") == NEXT))
