"""Imports: every spelling that is meant is read, everything else is refused with one line and no trace."""

import gzip
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import MalformedFile
from app.prices import store
from app.prices.checks import quarantine
from app.prices.refresh import import_files as import_files_module
from app.prices.refresh.import_files import FileReport, import_files
from tests.prices.market import SESSIONS, bars

CLOCK = Clock(datetime(2021, 1, 4, 12, tzinfo=UTC))
HEADER = "symbol,date,open,high,low,close,volume\n"
GOOD = "KO,2020-07-01,1,2,1,1.5,10\n"


def imported(database: Database, path: Path, content: str | bytes) -> FileReport:
    """Write and import one file."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return import_files(database, [path], CLOCK).files[0]


def test_a_parquet_file_is_stored_whole(database: Database, tmp_path: Path) -> None:
    """Rows, symbols and the report agree, and a second import finds everything there."""
    both = pl.concat([bars("AAPL"), bars("KO")])
    path = tmp_path / "both.parquet"
    both.rename({"session": "date"}).write_parquet(path)
    fractions: list[float] = []
    report = import_files(database, [path], CLOCK, lambda fraction, _: fractions.append(fraction))
    assert (report.symbols, report.rows, report.stored, fractions[-1]) == (2, both.height, both.height, 1.0)
    assert store.panel(database).equals(both)
    again = import_files(database, [path], CLOCK).files[0]
    assert (again.stored, again.changed, again.unchanged) == (0, 0, both.height)
    with database.read() as db:
        assert store.status(db, "KO").source == "file"


def test_many_groups_are_as_one(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However the symbols are grouped into transactions, the store is the same."""
    monkeypatch.setattr(
        import_files_module, "_GROUP_ROWS", 1
    )  # one symbol a transaction; a real file of that size takes minutes
    three = pl.concat([bars(symbol) for symbol in ("A", "B", "C")])
    path = tmp_path / "shuffled.parquet"
    three.sample(fraction=1.0, shuffle=True, seed=1).rename({"session": "date"}).write_parquet(path)
    assert import_files(database, [path], CLOCK).stored == three.height
    assert store.panel(database).equals(three)


SPELLINGS = {
    "mixed.csv": "DATE,Volume,Close,low,HIGH,Open,Ticker,note\n2020-07-01,10,1.5,1,2,1,KO,x\n",
    "ko.csv": "date,open,high,low,close,volume\n2020-07-01,1,2,1,1.5,10\n",
    "bom.csv": "\ufeff" + HEADER + GOOD,
    "crlf.csv": (HEADER + GOOD).replace("\n", "\r\n"),
    "semicolon.csv": "symbol;date;open;high;low;close;volume\nKO;2020/07/01;1;2;1;1.5;10\n",
    "tab.csv": HEADER.replace(",", "\t") + "ko\t20200701\t1\t2\t1\t1.5\t10\n",
    "thousands.csv": HEADER + 'KO,2020-07-01,"1.0","2.00",1,1.5,"10"\n',
    "offset.csv": HEADER + "KO,2020-07-01 00:00:00-04:00,1,2,1,1.5,10\n",
    "utc_midnight.csv": HEADER + "KO,2020-07-01T00:00:00Z,1,2,1,1.5,10\n",
    "utc_of_new_york.csv": HEADER + "KO,2020-07-01 04:00:00+00:00,1,2,1,1.5,10.0\n",
    "utc_evening.csv": HEADER + "KO,2020-07-02 01:30:00+00:00,1,2,1,1.5,10\n",
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_one_bar_in_many_spellings(database: Database, tmp_path: Path, name: str) -> None:
    """Order and case of columns, separators, byte order mark, line ends, dates and time zones: the same bar."""
    imported(database, tmp_path / name, SPELLINGS[name])
    assert store.panel(database).rows() == [("KO", date(2020, 7, 1), 1.0, 2.0, 1.0, 1.5, 10, None)]


def test_thousands_separators_and_gzip(database: Database, tmp_path: Path) -> None:
    """1,234.50 is a number; a packed file is unpacked; its name gives the symbol."""
    text = (
        'Date,Open,High,Low,Close,Adj Close,Volume\n2020-07-01,"1,200","1,300.5","1,100","1,234.50",1e3,"1,000,000"\n'
    )
    imported(database, tmp_path / "AAPL.csv.gz", gzip.compress(text.encode()))
    assert store.panel(database).rows() == [("AAPL", date(2020, 7, 1), 1200.0, 1300.5, 1100.0, 1234.5, 1_000_000, 1e3)]


@pytest.mark.parametrize("zone", [None, "America/New_York", "UTC"])
def test_a_pandas_index_is_a_date(database: Database, tmp_path: Path, zone: str | None) -> None:
    """A frame saved by pandas carries its date as an index without a name, with or without a time zone."""
    stamps = pl.Series([datetime(2020, 7, 1), datetime(2020, 7, 2)]).dt.replace_time_zone(zone)  # noqa: DTZ001 - naive on purpose
    frame = bars("KO", SESSIONS[:2]).drop("session", "symbol").with_columns(stamps.alias("__index_level_0__"))
    path = tmp_path / "KO.parquet"
    frame.rename(str.capitalize).rename({"__index_level_0__".capitalize(): "__index_level_0__"}).write_parquet(path)
    import_files(database, [path], CLOCK)
    assert store.panel(database).drop("adj_close").equals(bars("KO", SESSIONS[:2]).drop("adj_close"))


REFUSED = {
    "empty.csv": (b"", "the file is empty"),
    "header.csv": (HEADER, "it has no rows"),
    "blank.csv": ("\n" + HEADER, "the first line is empty"),
    "columns.csv": ("a,b\n1,2\n", "no column open, high, low, close, volume, date; found a, b"),
    "text.csv": (HEADER + GOOD + "KO,2020-07-02,1,2,1,cheap,10\n", "row 3: close 'cheap' can't be read"),
    "comma.csv": (HEADER.replace(",", ";") + "KO;2020-07-01;1;2;1;1,5;10\n", "close '1,5' can't be read"),
    "negative.csv": (HEADER + GOOD + "KO,2020-07-02,1,2,-1,1.5,10\n", "row 3: low is -1; a price can't be negative"),
    "twice.csv": (HEADER + GOOD + GOOD, "row 3: KO 2020-07-01 comes 2 times"),
    "spelled_twice.csv": (HEADER + GOOD + GOOD.lower(), "KO and ko are both KO"),
    "day_first.csv": (
        HEADER + "KO,03/07/2020,1,2,1,1.5,10\n",
        "date '03/07/2020' can't be read; dates are written year first",
    ),
    "no_date.csv": (HEADER + "KO,,1,2,1,1.5,10\n", "row 2: date '' can't be read"),
    "no_such_day.csv": (HEADER + "KO,2020-02-30,1,2,1,1.5,10\n", "date '2020-02-30' can't be read"),
    "symbol.csv": (HEADER + "A;DROP,2020-07-01,1,2,1,1.5,10\n", "'A;DROP' is no ticker symbol"),
    "ragged.csv": (HEADER + GOOD.strip() + ",11\n", "can't be read as CSV"),
    "latin.csv": ("symbol,date,prix d'été\n".encode("latin-1"), "isn't UTF-8"),
    "double.csv": ("symbol,date,date,open\n", "a column name comes twice"),
    "text.parquet": (b"no parquet at all", "can't be read as Parquet"),
    "broken.csv.gz": (b"no gzip", "can't be unpacked"),
    "cut.csv.gz": (gzip.compress(GOOD.encode() * 1000)[:-9], "can't be unpacked"),
    "bomb.csv.gz": (gzip.compress(b"0" * (16 << 20)), "unpacks to more than 50 times its size"),
    "endless.csv": (b"a" * 200_000, "no column"),
    "notes.docx": (b"x", "only .csv, .csv.gz, .parquet, .pq can be imported"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_file_gives_one_line_and_leaves_no_trace(database: Database, tmp_path: Path, name: str) -> None:
    """The store is as it was, nothing is left on disk, and the line names the file, the row and the value."""
    content, reason = REFUSED[name]
    with database.write() as db:
        store.upsert(db, bars("IBM"), "yahoo", CLOCK.now())
    with pytest.raises(MalformedFile) as error:
        imported(database, tmp_path / name, content)
    assert reason in error.value.detail
    assert name in error.value.detail
    assert "\n" not in error.value.detail
    assert store.panel(database).equals(bars("IBM"))
    with database.read() as db:
        assert len(store.statuses(db)) == 1
        assert quarantine.listing(db) == []
    assert list((tmp_path / "var").glob("import-*")) == []


def test_a_missing_file_is_told(database: Database, tmp_path: Path) -> None:
    """One line, not a traceback."""
    with pytest.raises(MalformedFile, match="no such file"):
        import_files(database, [tmp_path / "nowhere.csv"], CLOCK)


def test_bars_that_fail_a_rule_are_counted_and_the_rest_is_stored(database: Database, tmp_path: Path) -> None:
    """A zero, a hole and a Sunday go to quarantine; today's running session is left out."""
    rows = [
        "2020-07-01,1,2,1,1.5,10",
        "2020-07-02,0,2,1,1.5,10",
        "2020-07-05,1,2,1,1.5,10",
        "2020-07-06,1,,1,1.5,10",
        "2021-01-04,1,2,1,1.5,10",
    ]
    report = imported(database, tmp_path / "KO.csv", "date,open,high,low,close,volume\n" + "\n".join(rows) + "\n")
    assert report.quarantined == {"missing_value": 1, "no_session": 1, "non_positive": 1}
    assert (report.rows, report.stored, report.not_final) == (5, 1, 1)


def test_other_values_replace_the_stored_ones_and_are_counted(database: Database, tmp_path: Path) -> None:
    """A file that says otherwise changes the bar; the report says how many."""
    imported(database, tmp_path / "1.csv", HEADER + GOOD)
    report = imported(database, tmp_path / "2.csv", HEADER + GOOD.replace("1.5", "1.6"))
    assert (report.stored, report.changed, report.unchanged) == (0, 1, 0)


def test_files_take_the_samples_place(database: Database, tmp_path: Path) -> None:
    """The first imported bar removes the sample, also where it has the same symbol on another scale."""
    with database.write() as db:
        store.upsert(db, pl.concat([bars("KO", SESSIONS[:30], level=900.0), bars("IBM")]), "sample", CLOCK.now())
    path = tmp_path / "ko.parquet"
    bars("KO", SESSIONS[30:]).write_parquet(path)
    import_files(database, [path], CLOCK)
    assert store.panel(database).equals(bars("KO", SESSIONS[30:]))
