"""Dividends: a factor is kept in place of a copy of every bar, and every past value can still be read."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from app.core.db import Database
from app.prices import store
from app.prices.store import adjustments, sql, write
from tests.prices.market import bars

FIRST = datetime(2020, 6, 1, tzinfo=UTC)
SESSIONS = 60


def history(factor: float = 1.0, rows: int = SESSIONS) -> pl.DataFrame:
    """Return bars whose adjusted closes before the last ten sessions are `factor` times the closes."""
    days = [date(2020, 1, 1) + timedelta(days=day) for day in range(rows)]
    old = pl.int_range(pl.len()) < rows - 10
    return bars("KO", days).with_columns(adj_close=pl.col("close") * pl.when(old).then(factor).otherwise(1.0))


def put(database: Database, frame: pl.DataFrame, day: int) -> write.Upserted:
    """Store a history as the source has it on some day."""
    with database.write() as db:
        return write.upsert(db, frame, "yahoo", FIRST + timedelta(days=day))


def revisions(database: Database) -> tuple[int, int]:
    """Count kept bars and kept factors."""
    with database.read() as db:
        return tuple(sql.run(db, f"SELECT count(*) FROM {name}")[0][0] for name in ("bar_revision", "adjustment"))  # type: ignore[return-value]


def test_a_dividend_keeps_one_factor_and_every_past_value(database: Database) -> None:
    """Three dividends: three rows, no copy; each day's history reads as it was then, prices exactly."""
    told = [history(factor) for factor in (1.0, 0.99, 0.99 * 0.98, 0.99 * 0.98 * 0.995)]
    for day, frame in enumerate(told):
        put(database, frame, day)
    assert revisions(database) == (0, 3)
    with database.read() as db:
        for day, frame in enumerate(told):
            seen = store.as_known(db, "KO", FIRST + timedelta(days=day, hours=1))
            assert seen.drop("adj_close").equals(frame.drop("adj_close"))
            assert seen["adj_close"].to_list() == pytest.approx(frame["adj_close"].to_list(), rel=adjustments.TOLERANCE)
        assert store.history(db, "KO").equals(told[-1])


def test_the_report_counts_restated_bars_and_versions_move(database: Database) -> None:
    """Whoever caches by version sees it; when a bar was fetched stays, for it is the same bar."""
    put(database, history(), 0)
    with database.read() as db:
        before = (store.data_version(db), store.symbol_versions(db)["KO"])
    written = put(database, history(0.99), 1)
    assert (written.added, written.changed, written.unchanged) == (0, SESSIONS - 10, 10)
    with database.read() as db:
        assert (store.data_version(db), store.symbol_versions(db)["KO"]) != before
        assert sql.run(db, "SELECT count(DISTINCT fetched_at) FROM bar") == [(1,)]


def test_a_bar_that_changed_besides_is_kept_by_itself(database: Database) -> None:
    """One close corrected on the day of a dividend: that bar is copied, the others have the factor; both read back."""
    first = history()
    put(database, first, 0)
    corrected = pl.when(pl.int_range(pl.len()) == 5).then(pl.col("close") * 1.01).otherwise("close")
    put(database, history(0.99).with_columns(close=corrected), 1)
    put(database, history(0.98).with_columns(close=corrected), 2)
    assert revisions(database) == (1, 2)
    with database.read() as db:
        seen = store.as_known(db, "KO", FIRST + timedelta(hours=1))
    assert seen.drop("adj_close").equals(first.drop("adj_close"))
    assert seen["adj_close"].to_list() == pytest.approx(first["adj_close"].to_list(), rel=adjustments.TOLERANCE)


def test_what_no_factor_explains_is_kept_bar_by_bar(database: Database) -> None:
    """Few bars, or a stretch in which a stored bar wasn't told anew: copies, as before."""
    put(database, history(), 0)
    put(database, history(0.99).head(10), 1)
    assert revisions(database) == (10, 0)
    put(database, history(0.98).filter(pl.int_range(pl.len()) != 25), 2)
    assert revisions(database) == (10 + SESSIONS - 10 - 1, 0)
    with database.read() as db:
        assert store.as_known(db, "KO", FIRST + timedelta(hours=1)).equals(history())


def test_each_fetch_that_changed_bars_is_told_by_itself(database: Database) -> None:
    """How many sessions, which, and how far a close moved by that fetch, whatever moved it later."""
    put(database, history(), 0)
    put(database, history(0.98), 1)
    three = pl.col("session").is_in(history()["session"].tail(3).implode())
    moved = history(0.98).with_columns(close=pl.col("close") * pl.when(three).then(1.01).otherwise(1.0))
    put(database, moved, 2)
    put(database, moved.with_columns(pl.col("open", "high", "low", "close", "adj_close") / 4), 3)
    days = history()["session"]
    with database.write() as db:
        sql.change(db, "INSERT INTO action VALUES ('KO', '2020-01-10', 'dividend', 0.41, ?)", [sql.instant(db, FIRST)])
        sql.change(db, "INSERT INTO action VALUES ('KO', '2020-02-10', 'split', 4.0, ?)", [sql.instant(db, FIRST)])
    with database.read() as db:
        told, done = store.revisions(db, "KO"), store.actions(db, "KO")
    assert [one.replaced_at for one in told] == [FIRST + timedelta(days=day) for day in (3, 2, 1)]
    assert [one.sessions for one in told] == [SESSIONS, 3, SESSIONS - 10]
    assert [one.largest_change for one in told] == pytest.approx([0.75, 0.01, 0.0])
    assert (told[1].first, told[1].last) == (days[-3], days[-1])
    assert [(one.session, one.kind, one.value) for one in done] == [
        (date(2020, 2, 10), "split", 4.0),
        (date(2020, 1, 10), "dividend", 0.41),
    ]


def test_what_the_sample_made_way_for_is_no_change_of_a_close(database: Database) -> None:
    """Real prices stand on another basis; a bar that went away has no close to compare with."""
    with database.write() as db:
        write.upsert(db, history(), write.SAMPLE, FIRST)
        write.make_way(db, ["KO"], "yahoo", FIRST + timedelta(days=1))
        write.upsert(db, history().with_columns(pl.col("close") / 4), "yahoo", FIRST + timedelta(days=1))
    with database.read() as db:
        (told,) = store.revisions(db, "KO")
    assert (told.reason, told.sessions, told.largest_change) == (write.MADE_WAY, SESSIONS, None)
