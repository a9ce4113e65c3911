"""What goes into the store comes out the same, and what was replaced can still be read."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from app.core.db import Database
from app.core.errors import UnknownSymbol
from app.prices import store
from app.prices.frame import BAR_SCHEMA
from tests.prices.market import SESSIONS, bars

DAY_1, DAY_2, DAY_3 = (datetime(2021, 1, day, 22, tzinfo=UTC) for day in (4, 5, 6))


def test_the_watchlist_keeps_its_order(database: Database) -> None:
    """Symbols stay where they were added; a removed one comes back at the end."""
    with database.write() as db:
        store.watch(db, ["KO", "aapl", "KO"], DAY_1)
        store.watch(db, ["IBM", "KO"], DAY_1)
        store.unwatch(db, ["KO"])
        store.watch(db, ["KO"], DAY_1)
    with database.read() as db:
        assert store.watchlist(db) == ["AAPL", "IBM", "KO"]


def test_unwatching_a_stranger_is_told(database: Database) -> None:
    """Nothing silently happens to a symbol that isn't there."""
    with database.write() as db, pytest.raises(UnknownSymbol, match="NOPE"):
        store.unwatch(db, ["NOPE"])


def test_bars_come_back_as_they_went_in(database: Database) -> None:
    """Panel and history give the stored bars to the bit, sorted, nulls kept."""
    both = pl.concat([bars("AAPL"), bars("KO", level=50.0)])
    both = both.with_columns(pl.when(pl.col("symbol") == "AAPL").then(pl.col("adj_close")).alias("adj_close"))
    with database.write() as db:
        store.upsert(db, both.reverse(), "file", DAY_1)
    panel = store.panel(database)
    assert panel.equals(both)
    assert dict(panel.schema) == BAR_SCHEMA
    with database.read() as db:
        assert store.history(db, "KO").equals(both.filter(pl.col("symbol") == "KO"))
        assert store.history(db, "KO", last=2)["session"].to_list() == list(SESSIONS[-2:])
        assert store.history(db, "KO", start=SESSIONS[3], end=SESSIONS[4]).height == 2
        with pytest.raises(UnknownSymbol):
            store.history(db, "NOPE")
    assert store.panel(database, ["KO", "NOPE"], start=SESSIONS[-1]).height == 1


def test_a_panel_of_nothing_is_a_bar_frame(database: Database) -> None:
    """An empty store gives an empty frame with the right columns."""
    assert dict(store.panel(database).schema) == BAR_SCHEMA


def test_writing_the_same_again_changes_nothing(database: Database) -> None:
    """Idempotent: no row, no revision, no new data version, and the first fetch's instant stays."""
    with database.write() as db:
        first = store.upsert(db, bars("AAPL"), "yahoo", DAY_1)
        version = store.data_version(db)
        again = store.upsert(db, bars("AAPL"), "yahoo", DAY_2)
        assert (first.added, again.added, again.changed, again.unchanged) == (len(SESSIONS), 0, 0, len(SESSIONS))
        assert store.data_version(db) == version
        assert store.status(db, "AAPL").fetched_at == DAY_1


def test_a_change_is_kept_and_can_be_read_as_known(database: Database) -> None:
    """Law 1: what the store held on a past day can be rebuilt to the bit."""
    changed = bars("AAPL").with_columns(
        pl.when(pl.col("session") == SESSIONS[5]).then(pl.col("close") * 1.5).otherwise("close").alias("close")
    )
    with database.write() as db:
        store.upsert(db, bars("AAPL").head(100), "yahoo", DAY_1)
        version = store.data_version(db)
        done = store.upsert(db, changed, "yahoo", DAY_3)
        assert (done.added, done.changed) == (len(SESSIONS) - 100, 1)
        assert store.data_version(db) != version
    with database.read() as db:
        assert store.as_known(db, "AAPL", DAY_1).equals(bars("AAPL").head(100))
        assert store.as_known(db, "AAPL", DAY_2).equals(bars("AAPL").head(100))
        assert store.as_known(db, "AAPL", DAY_3).equals(changed)
        assert store.as_known(db, "AAPL", datetime(2020, 1, 1, tzinfo=UTC)).is_empty()


def test_an_unknown_adj_close_never_replaces_a_known_one(database: Database) -> None:
    """A file without adj_close leaves Yahoo's in place; a first one is a change."""
    bare = bars("AAPL").with_columns(pl.lit(None, pl.Float64).alias("adj_close"))
    with database.write() as db:
        store.upsert(db, bars("AAPL"), "yahoo", DAY_1)
        assert store.upsert(db, bare, "file", DAY_2).changed == 0
        store.upsert(db, bars("KO").with_columns(pl.lit(None, pl.Float64).alias("adj_close")), "file", DAY_1)
        assert store.upsert(db, bars("KO"), "yahoo", DAY_2).changed == len(SESSIONS)


def test_rounding_is_no_change(database: Database) -> None:
    """Single-precision noise doesn't make a revision."""
    with database.write() as db:
        store.upsert(db, bars("AAPL"), "yahoo", DAY_1)
        assert store.upsert(db, bars("AAPL").with_columns(pl.col("close") * (1 + 5e-8)), "yahoo", DAY_2).changed == 0


def test_real_prices_remove_the_sample_at_once(database: Database) -> None:
    """The first bar from elsewhere takes every sample bar out, and the revisions keep them."""
    with database.write() as db:
        store.upsert(db, pl.concat([bars("AAPL"), bars("IBM")]), "sample", DAY_1)
    with database.write() as db:
        store.upsert(db, bars("KO"), "yahoo", DAY_2)
        assert list(store.last_bars(db)) == ["KO"]
        assert store.status(db, "IBM").bars == 0
        assert store.as_known(db, "IBM", DAY_1).equals(bars("IBM"))


def test_status_and_last_bars_follow_the_bars(database: Database) -> None:
    """First, last and count are true after each write."""
    with database.write() as db:
        store.upsert(db, bars("AAPL").head(-1), "yahoo", DAY_1)
        store.upsert(db, bars("AAPL").tail(1), "yahoo", DAY_2)
        found = store.status(db, "AAPL")
        assert (found.first, found.last, found.bars) == (SESSIONS[0], SESSIONS[-1], len(SESSIONS))
        last = store.last_bars(db, ["AAPL", "NOPE"])["AAPL"]
        assert (last.session, last.bars, last.source, last.fetched_at) == (SESSIONS[-1], found.bars, "yahoo", DAY_2)


def test_the_watchlist_comes_first_among_statuses(database: Database) -> None:
    """Watched symbols in their order, then the others by name."""
    with database.write() as db:
        store.upsert(db, pl.concat([bars("B"), bars("A")]), "yahoo", DAY_1)
        store.watch(db, ["Z", "K"], DAY_1)
    with database.read() as db:
        assert [status.symbol for status in store.statuses(db)] == ["Z", "K", "A", "B"]
        assert store.statuses(db)[0].last is None


def test_dates_are_dates(database: Database) -> None:
    """Sessions come back as dates, whatever the driver keeps."""
    with database.write() as db:
        store.upsert(db, bars("AAPL"), "yahoo", DAY_1)
        assert type(store.last_bars(db)["AAPL"].session) is date
