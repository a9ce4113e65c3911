"""Files made to confuse: whatever is in them, it is stored as checked bars, or refused in one documented line."""

import gzip
import io
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import MalformedFile
from app.prices import store
from app.prices.refresh.import_files import import_events, import_files

CLOCK = Clock(datetime(2021, 1, 4, 12, tzinfo=UTC))
GOOD = {"symbol": "KO", "date": "2020-07-01", "open": "1", "high": "2", "low": "1", "close": "1.5", "volume": "10"}
CELLS = (
    "", " ", "0", "-1", "1e308", "1e309", "-0.0", "NaN", "inf", "-Infinity", "9" * 400, "1,234.5", "1.234,5", "0x1F",
    "½", "١٢",
    "2020-07-01", "2020-02-30", "01/02/2020", "9999-12-31", "0000-00-00", "20200701", "2020-07-01T25:61:00+99:99",
    "1593561600",
    "KO", "^VIX", "../x", "=1+1", "A" * 50, '"', "'", "\0", "\ufeff", "\u202e", "💥", "null", "amc", "a\rb",
)  # fmt: skip
HEADINGS = (*GOOD, "DATE", " Close ", "adj_close", "timing", "known_at", "close", "", '"', "x\0", "é")
DTYPES = (
    pl.Int8, pl.UInt64, pl.Float32, pl.Float64, pl.String, pl.Boolean, pl.Date, pl.Datetime("ns", "Asia/Tokyo"),
    pl.Datetime("ms"),
    pl.Time, pl.Duration("us"), pl.Binary, pl.Null, pl.Categorical, pl.Decimal(38, 6), pl.List(pl.Int64),
    pl.Struct({"a": pl.Int64}),
)  # fmt: skip
VALUES = (
    None,
    0,
    -1,
    1,
    2**62,
    1.5,
    float("nan"),
    float("inf"),
    "KO",
    "2020-07-01",
    "",
    date(2020, 7, 1),
    date(1, 1, 1),
)
hard = settings(
    max_examples=40, derandomize=True, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
"""The same files each time, so that a failure is one for everybody."""


@st.composite
def csv_files(draw: st.DrawFn) -> tuple[str, bytes]:
    """Draw the name and the bytes of a CSV file that is nearly one."""
    usual = draw(st.booleans())
    names = list(GOOD) if usual else draw(st.lists(st.sampled_from(HEADINGS), max_size=9))
    cell = st.sampled_from(CELLS) | st.text(max_size=5)
    rows = [
        [draw(cell) if draw(st.integers(0, 7)) == 0 else GOOD.get(name, "") for name in names]
        for _ in range(draw(st.integers(0, 3)))
    ]
    separator, end = draw(st.sampled_from(",;\t|")), draw(st.sampled_from(["\n", "\r\n", "\r", "\n\n"]))
    text = end.join(separator.join(line) for line in [names, *rows]) + draw(
        st.sampled_from(["", end, '"', separator * 9])
    )
    content = text.encode(draw(st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16", "cp037"])), "replace")
    if draw(st.booleans()):
        return draw(st.sampled_from(["a.csv", "KO.csv", "^.csv"])), damaged(draw, content)
    return "a.csv.gz", damaged(draw, gzip.compress(content, mtime=0))


@st.composite
def parquet_files(draw: st.DrawFn) -> tuple[str, bytes]:
    """Draw the name and the bytes of a Parquet file with columns of any type."""
    height = draw(st.integers(0, 3))
    columns = []
    for name in draw(st.sampled_from([list(GOOD), list(GOOD), ["symbol", "date"], list(GOOD)[1:], []])):
        values = [draw(st.sampled_from(VALUES)) for _ in range(height)]
        columns.append(column(name, values, draw(st.sampled_from(DTYPES)) if draw(st.integers(0, 3)) == 0 else None))
    written = io.BytesIO()
    pl.DataFrame(columns).write_parquet(written)
    return draw(st.sampled_from(["a.parquet", "KO.pq"])), damaged(draw, written.getvalue())


def column(name: str, values: list[object], dtype: pl.DataType | type[pl.DataType] | None) -> pl.Series:
    """Return a good column, or one of a type with what of the values fits it."""
    if dtype is None:
        return pl.Series(name, [GOOD[name]] * len(values), pl.String)
    try:
        return pl.Series(name, values, dtype, strict=False)
    except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError):
        return pl.Series(name, [None] * len(values), dtype)


def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Return it whole, cut short, or with some bytes changed."""
    how = draw(st.sampled_from(["whole", "whole", "cut", "changed"]))
    if how == "whole" or not content:
        return content
    place = draw(st.integers(0, len(content) - 1))
    return (
        content[:place]
        if how == "cut"
        else content[:place] + draw(st.binary(min_size=1, max_size=8)) + content[place + 1 :]
    )


def refused_or_stored(take: Callable[[Path], object], database: Database, path: Path, content: bytes) -> None:
    """Take a file; where it is refused, the line names it and nothing was stored."""
    path.write_bytes(content)
    before = store.panel(database)
    refusal = None
    try:
        take(path)
    except MalformedFile as error:
        refusal = error.detail
    if refusal is not None:
        assert path.name in refusal
        assert "\n" not in refusal
        assert store.panel(database).equals(before)
    bars = store.panel(database)
    prices = bars.select("open", "high", "low", "close")
    assert prices.filter(pl.any_horizontal(pl.all().is_null() | ~pl.all().is_finite() | (pl.all() <= 0))).is_empty()


@hard
@given(file=csv_files() | parquet_files())
def test_any_file_is_bars_or_one_line(database: Database, tmp_path: Path, file: tuple[str, bytes]) -> None:
    """Headings, cells, types, encodings and packing in every mixture, whole and damaged."""
    name, content = file
    refused_or_stored(lambda path: import_files(database, [path], CLOCK), database, tmp_path / name, content)


@hard
@given(file=csv_files() | parquet_files())
def test_any_file_is_earnings_days_or_one_line(database: Database, tmp_path: Path, file: tuple[str, bytes]) -> None:
    """The same files, taken for earnings days."""
    name, content = file
    refused_or_stored(lambda path: import_events(database, [path], CLOCK), database, tmp_path / name, content)
