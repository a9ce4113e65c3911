"""A foreign file, streamed into a Parquet file with our columns; whatever can't be read is reported with its row."""

from __future__ import annotations

import csv
import gzip
import zlib
from pathlib import Path
from typing import Final

import polars as pl

from app.core.errors import MalformedFile
from app.prices.frame import BAR_SCHEMA, PRICES
from app.prices.sources.columns import BAD, columns_of, readable

ROW: Final = "_row"
_SEPARATORS: Final = ",;\t|"
_SUFFIXES: Final = (".csv", ".csv.gz", ".parquet", ".pq")
MOST_RATIO: Final = 50
"""Daily prices pack about fivefold; a file that grows more than this is made to fill the disk."""
UNPACKED_FLOOR: Final = 1 << 20
_PIECE: Final = 1 << 20
UNREADABLE: Final = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)
"""What Polars raises for a file that isn't what it seems; damaged pages of Parquet end in a panic."""
_LONGEST_HEADER: Final = 1 << 16
_HINTS: Final = {
    "session": "dates are written year first, as in 2020-01-31, so that day and month can't be mistaken",
    "open": "numbers are written as in 1,234.56 or 1234.56",
}


def write(path: Path, folder: Path) -> Path:
    """Rewrite a CSV or Parquet file into `folder`; return the scratch file: bars by their spelling, and `_row`.

    Errors: `MalformedFile` for a file that isn't what its name says, a missing column, a text where a number or a
    date belongs, a negative price, and a session that comes twice.
    """
    target = folder / "bars.parquet"
    try:
        scanned, first_row = scan(path, folder)
        found = columns_of(scanned.collect_schema().names())
        named = _renamed(path, scanned, found)
        schema = dict(named.collect_schema())
        lazy = named.with_columns(readable(schema))
        if "adj_close" not in schema:
            lazy = lazy.with_columns(pl.lit(None, pl.Float64).alias("adj_close"))
        lazy.select(*BAR_SCHEMA, BAD, ROW).sink_parquet(target, row_group_size=50_000)
    except UNREADABLE as error:
        raise MalformedFile(f"{path.name}: it can't be read as {_kind(path)}: {str(error).splitlines()[0]}") from error
    _refuse(path, target, first_row)
    return target


def _kind(path: Path) -> str:
    return "Parquet" if path.name.lower().endswith((".parquet", ".pq")) else "CSV"


def scan(path: Path, folder: Path) -> tuple[pl.LazyFrame, int]:
    """Return the file's rows, lazily, with their number, and the number of the first data row as a person counts."""
    if not path.is_file():
        raise MalformedFile(f"{path}: {'this is a folder' if path.is_dir() else 'there is no such file'}")
    name = path.name.lower()
    if not name.endswith(_SUFFIXES):
        raise MalformedFile(f"{path.name}: only {', '.join(_SUFFIXES)} can be imported")
    if path.stat().st_size == 0:
        raise MalformedFile(f"{path.name}: the file is empty")
    if _kind(path) == "Parquet":
        return pl.scan_parquet(path, row_index_name=ROW), 1
    plain = _unpacked(path, folder) if name.endswith(".gz") else path
    try:
        with plain.open(encoding="utf-8-sig", newline="") as text:
            header = text.readline(_LONGEST_HEADER)
    except UnicodeDecodeError as error:
        raise MalformedFile(f"{path.name}: it isn't UTF-8 text; save it as UTF-8") from error
    if not header.strip():
        raise MalformedFile(f"{path.name}: the first line is empty; it must name the columns")
    separator = max(_SEPARATORS, key=header.count)
    columns = [column.strip() for column in next(csv.reader([header], delimiter=separator))]
    if len(set(columns)) < len(columns):
        raise MalformedFile(f"{path.name}: a column name comes twice: {', '.join(columns)}")
    lazy = pl.scan_csv(
        plain, infer_schema=False, separator=separator, row_index_name=ROW, with_column_names=lambda _: columns
    )
    return lazy, 2


def _unpacked(path: Path, folder: Path) -> Path:
    target, most = folder / "plain.csv", UNPACKED_FLOOR + MOST_RATIO * path.stat().st_size
    try:
        with gzip.open(path) as packed, target.open("wb") as plain:
            while piece := packed.read(_PIECE):
                if plain.tell() + len(piece) > most:
                    raise MalformedFile(
                        f"{path.name}: it unpacks to more than {MOST_RATIO} times its size, as no prices do"
                    )
                plain.write(piece)
    except (OSError, EOFError, zlib.error) as error:
        raise MalformedFile(f"{path.name}: it can't be unpacked: {error}") from error
    return target


def _renamed(path: Path, scanned: pl.LazyFrame, found: dict[str, str]) -> pl.LazyFrame:
    missing = [name for name in (*PRICES, "volume") if name not in found]
    missing += [] if "session" in found else ["date"]
    if missing:
        names = ", ".join(name for name in scanned.collect_schema().names() if name != ROW)
        raise MalformedFile(f"{path.name}: no column {', '.join(missing)}; found {names or 'nothing'}")
    named = scanned.select(ROW, *(pl.col(theirs).alias(ours) for ours, theirs in found.items()))
    if "symbol" in found:
        return named.with_columns(pl.col("symbol").cast(pl.String))
    return named.with_columns(pl.lit(path.name.split(".", 1)[0]).alias("symbol"))


def _refuse(path: Path, written: Path, first_row: int) -> None:
    """Raise the first reason for which the file as a whole can't be taken."""
    rows = pl.scan_parquet(written)
    if rows.select(pl.len()).collect().item() == 0:
        raise MalformedFile(f"{path.name}: it has no rows")
    where = rows.filter(pl.col(BAD).is_not_null()).sort(ROW).head(1).collect()
    if where.height:
        column, _, text = where[BAD].item().partition("=")
        hint = _HINTS.get(column, _HINTS["open"])
        shown = "date" if column == "session" else column
        raise MalformedFile(
            f"{path.name}, row {where[ROW].item() + first_row}: {shown} {text[:40]!r} can't be read; {hint}"
        )
    negative = rows.filter(pl.any_horizontal(pl.col(name) < 0 for name in PRICES)).sort(ROW).head(1).collect()
    if negative.height:
        name, value = next((name, negative[name].item()) for name in PRICES if (negative[name].item() or 0) < 0)
        row = negative[ROW].item() + first_row
        raise MalformedFile(f"{path.name}, row {row}: {name} is {value:g}; a price can't be negative")
    keys = rows.group_by("symbol", "session").agg(pl.len().alias("times"), pl.col(ROW).max())
    twice = keys.filter(pl.col("times") > 1).sort(ROW).head(1).collect()
    if twice.height:
        symbol, session, times, row = twice.row(0)
        raise MalformedFile(
            f"{path.name}, row {row + first_row}: {symbol} {session} comes {times} times; keep one of them"
        )
