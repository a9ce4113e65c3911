"""Earnings days from files: any order and case, strict, and nothing half done."""

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import MalformedFile
from app.prices import store
from app.prices.refresh.import_files import import_events
from app.prices.store.event_updates import EventCounts

NOW = datetime(2021, 1, 4, 22, tzinfo=UTC)
CLOCK = Clock(NOW)


def _csv(folder: Path, *lines: str) -> Path:
    path = folder / "days.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def _days(database: Database) -> list[tuple[str, date, str]]:
    with database.read() as db:
        return store.events(db).select("symbol", "date", "timing").rows()


def test_columns_come_in_any_order_and_case(database: Database, tmp_path: Path) -> None:
    """Symbols are spelled Yahoo's way, an empty timing is unknown, the store needs no such symbol."""
    path = _csv(tmp_path, "Timing;DATE;Ticker;Note", "AMC;2020-10-22;brk.b;x", ";2020/07/21;KO;", "Bmo;20200421;ko;")
    report = import_events(database, [path], CLOCK)[0]
    assert (report.days, report.symbols, report.kept) == (3, 2, EventCounts(new=3))
    assert _days(database) == [
        ("BRK-B", date(2020, 10, 22), "amc"),
        ("KO", date(2020, 4, 21), "bmo"),
        ("KO", date(2020, 7, 21), "unknown"),
    ]
    with database.read() as db:
        assert store.statuses(db) == []


def test_a_parquet_file_twice_changes_nothing(database: Database, tmp_path: Path) -> None:
    """Idempotent, with dates and instants of Parquet's own types."""
    path = tmp_path / "days.parquet"
    days = {"symbol": ["KO", "KO"], "date": [date(2020, 10, 22), date(2021, 1, 28)], "known_at": [None, NOW]}
    pl.DataFrame(days).write_parquet(path)
    import_events(database, [path], CLOCK)
    before = _days(database)
    assert import_events(database, [path], CLOCK)[0].kept == EventCounts(unchanged=2)
    assert _days(database) == before


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2020-12-01T15:00:00Z", datetime(2020, 12, 1, 15, tzinfo=UTC)),
        ("2020-12-01 15:00", datetime(2020, 12, 1, 15, tzinfo=UTC)),
        ("2020-12-01T10:00:00-05:00", datetime(2020, 12, 1, 15, tzinfo=UTC)),
        ("2020-12-01", datetime(2020, 12, 2, 4, 59, 59, 999999, tzinfo=UTC)),
        ("", NOW),
    ],
)
def test_since_when_a_day_is_known_may_be_said(
    database: Database, tmp_path: Path, text: str, instant: datetime
) -> None:
    """Without a time zone it is UTC; a day alone counts from its end in New York; nothing reports is from now on."""
    import_events(database, [_csv(tmp_path, "symbol,date,known_at", f"KO,2021-01-28,{text}")], CLOCK)
    with database.read() as db:
        assert store.events(db)["known_at"].to_list() == [instant]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["symbol,timing", "KO,amc"], "no column date; found symbol, timing"),
        (["symbol,date", "KO,2020-10-22", "KO,22.10.2020"], "row 3: date '22.10.2020' can't be read"),
        (["symbol,date", "KO,"], "row 2: date '' can't be read"),
        (["symbol,date", "K O!,2020-10-22"], "row 2: symbol 'K O!' is no ticker symbol"),
        (["symbol,date", "^VIX,2020-10-22"], r"row 2: symbol \^VIX is a market series"),
        (["symbol,date,timing", "KO,2020-10-22,noon"], "row 2: timing 'noon' is none of amc, bmo, unknown"),
        (["symbol,date,known_at", "KO,2020-10-22,soon"], "row 2: known_at 'soon' can't be read"),
        (["symbol,date,timing", "KO,2020-10-22,amc", "ko,2020-10-22,bmo"], "row 3: KO 2020-10-22 stands above already"),
        (["symbol,date"], "it has no rows"),
    ],
)
def test_what_cant_be_read_is_one_line(database: Database, tmp_path: Path, lines: list[str], says: str) -> None:
    """File, row and value are named, and nothing of any file is stored."""
    good = tmp_path / "good.csv"
    good.write_text("symbol,date\nIBM,2020-10-19\n")
    with pytest.raises(MalformedFile, match=says) as reported:
        import_events(database, [good, _csv(tmp_path, *lines)], CLOCK)
    assert reported.value.detail.startswith("days.csv")
    assert "\n" not in reported.value.detail
    assert _days(database) == []
