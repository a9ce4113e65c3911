"""`doctor data` finds what is odd, and tells what must not be from what may be."""

from datetime import UTC, date, datetime

import polars as pl

from app.core.clock import Clock
from app.core.db import Database
from app.prices import store
from app.prices.checks import findings
from app.prices.refresh.ingest import ingest
from app.prices.sources.sample import sample_bars
from app.prices.store import sql, write
from tests.prices.market import SESSIONS, bars, evening

NOW = evening(SESSIONS[-1])
OHLC = ("open", "high", "low", "close")


def found(database: Database, now: datetime = NOW) -> list[tuple[str, str | None, date | None, bool]]:
    """Return each finding without its words."""
    return [(one.rule, one.symbol, one.session, one.fails) for one in findings.examine(database, Clock(now))]


def put(database: Database, frame: pl.DataFrame) -> None:
    """Store bars as an import would."""
    with database.write() as db:
        ingest(db, frame, "file", NOW, "XNYS")


def times(factor: float, where: pl.Expr) -> pl.DataFrame:
    """Return bars whose prices are multiplied where the condition holds."""
    return bars("KO").with_columns(
        pl.when(where).then(pl.col(name) * factor).otherwise(pl.col(name)).alias(name) for name in OHLC
    )


def test_sound_prices_give_no_finding(database: Database) -> None:
    """Nothing is said of an orderly store."""
    put(database, pl.concat([bars("AAPL"), bars("KO")]))
    assert found(database) == []


def test_a_gap_is_told_once_with_its_size(database: Database) -> None:
    """Three missing sessions in a row are one finding, at the first of them; quarantined ones are none."""
    put(database, bars("KO").filter(~pl.col("session").is_in(SESSIONS[10:13])))
    put(
        database,
        bars("IBM").with_columns(pl.when(pl.col("session") == SESSIONS[5]).then(0.0).otherwise("low").alias("low")),
    )
    assert found(database) == [("non_positive", "IBM", SESSIONS[5], False), ("gap", "KO", SESSIONS[10], False)]


def test_a_jump_is_told_unless_a_split_says_so(database: Database) -> None:
    """A spin-off stays in the store and is reported."""
    put(database, times(0.5, pl.col("session") >= SESSIONS[40]))
    assert found(database) == [("unannounced_jump", "KO", SESSIONS[40], False)]
    with database.write() as db:
        sql.run(
            db,
            "INSERT INTO action (symbol, session, kind, value, fetched_at) VALUES ('KO', ?, 'split', 2.0, ?)",
            [sql.day(SESSIONS[40]), sql.instant(db, NOW)],
        )
    assert found(database) == []


def test_a_session_on_which_many_are_displaced_is_suspect(database: Database) -> None:
    """Six of seven symbols carry another day's bar: too little for each alone, enough together."""
    odd = [
        times(1.025, pl.col("session") == SESSIONS[30]).with_columns(pl.lit(f"S{at}").alias("symbol"))
        for at in range(3)
    ]
    odd += [
        times(0.975, pl.col("session") == SESSIONS[30]).with_columns(pl.lit(f"T{at}").alias("symbol"))
        for at in range(3)
    ]
    put(database, pl.concat([*odd, *(bars(f"U{at}") for at in range(20))]))
    assert found(database) == [("suspect_session", None, SESSIONS[30], False)]


def test_zero_volume_and_stale_tails_are_told(database: Database) -> None:
    """Moves without volume, equal bars at the end, a watched symbol that fell behind."""
    quiet = bars("KO").with_columns(
        pl.when(pl.col("session") == SESSIONS[9]).then(0).otherwise("volume").alias("volume")
    )
    flat = bars("IBM").with_columns(
        pl.when(pl.col("session") > SESSIONS[-6]).then(112.0).otherwise(name).alias(name) for name in OHLC
    )
    put(database, pl.concat([quiet, flat]))
    with database.write() as db:
        store.watch(db, ["KO"], NOW)
    late = datetime(2021, 1, 15, 22, tzinfo=UTC)
    assert sorted(found(database, late), key=str) == [
        ("stale_tail", "IBM", SESSIONS[-1], False),
        ("stale_tail", "KO", SESSIONS[-1], False),
        ("zero_volume", "KO", SESSIONS[9], False),
    ]


def test_what_must_not_be_fails(database: Database) -> None:
    """A stored bar that breaks a rule, and a summary that isn't true."""
    with database.write() as db:
        write.upsert(db, times(100, pl.col("session") == SESSIONS[30]), "file", NOW)
        sql.run(db, "UPDATE symbol SET bars = 3 WHERE symbol = 'KO'")
    failing = [one[:2] for one in found(database) if one[3]]
    assert sorted(failing) == [("currency_slip", "KO"), ("untrue_summary", "KO")]


def test_the_sample_has_its_one_flaw_and_its_one_crash(database: Database) -> None:
    """Of 13 years of five names: a copied bar in quarantine, and AAPL's true fall, found but kept."""
    with database.write() as db:
        ingest(db, sample_bars(), "sample", NOW, "XNYS")
    assert found(database) == [
        ("repeated_bar", "AAPL", date(2003, 1, 28), False),
        ("unannounced_jump", "AAPL", date(2000, 9, 29), False),
    ]
