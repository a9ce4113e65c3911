"""Columns of foreign files as Polars expressions: names, numbers and dates, read strictly and never guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from app.prices.frame import PRICES

ALIASES: Final = {
    "symbol": ("symbol", "ticker", "name"),
    "session": ("session", "date", "datetime", "timestamp", "__index_level_0__", "index"),
    "open": ("open",),
    "high": ("high",),
    "low": ("low",),
    "close": ("close",),
    "volume": ("volume", "vol"),
    "adj_close": ("adj_close", "adjclose", "adjusted_close", "adj._close"),
}
"""Under which names (lower case, blanks as underscores) a column may come; the first that is there counts."""

_EMPTY: Final = ("", "null", "none", "nan", "na", "n/a", "-")
_THOUSANDS: Final = r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$"
_DATE: Final = r"^\s*(\d{4})[-/.]?(\d{2})[-/.]?(\d{2})"
_TIME: Final = r"[T ](\d{2}:\d{2})"
_OFFSET: Final = r"[T ][0-9:.]+\s*(Z|UTC|[+-]\d{2}:?\d{2})\s*$"
_WHOLE_DATE: Final = rf"{_DATE}([T ][0-9:.]+\s*(Z|UTC|[+-]\d{{2}}:?\d{{2}})?)?\s*$"
_NEW_YORK: Final = "America/New_York"
BAD: Final = "_bad"
"""The name of the column that holds, for a row that can't be read, the column and its text."""


def columns_of(found: Sequence[str], names: Mapping[str, Sequence[str]] = ALIASES) -> dict[str, str]:
    """Return which of the file's columns is which of ours, by the names under which ours may come."""
    plain = {name.strip().strip("\ufeff").lower().replace(" ", "_"): name for name in reversed(found)}
    return {
        ours: next(plain[alias] for alias in aliases if alias in plain)
        for ours, aliases in names.items()
        if any(alias in plain for alias in aliases)
    }


def readable(schema: dict[str, pl.DataType]) -> list[pl.Expr]:
    """Return expressions that read renamed columns of any type, and `BAD` where one of them can't be read."""
    numbers = {name: _number(name, schema[name]) for name in (*PRICES, "volume", "adj_close") if name in schema}
    session = session_of(schema["session"])
    unread = [_unread(name, schema[name], number) for name, number in numbers.items()]
    unread.append(_unread("session", schema["session"], session))
    volume = numbers.pop("volume").round(0).cast(pl.Int64, strict=False)
    return [
        session.alias("session"),
        volume.alias("volume"),
        *(number.alias(name) for name, number in numbers.items()),
        pl.coalesce(unread).alias(BAD),
    ]


def _text(name: str) -> pl.Expr:
    stripped = pl.col(name).str.strip_chars()
    return pl.when(~stripped.str.to_lowercase().is_in(_EMPTY)).then(stripped)


def _number(name: str, dtype: pl.DataType) -> pl.Expr:
    if dtype != pl.String:
        return pl.col(name).cast(pl.Float64, strict=False)
    text = _text(name)
    plain = pl.when(text.str.contains(_THOUSANDS)).then(text.str.replace_all(",", "")).otherwise(text)
    return plain.cast(pl.Float64, strict=False)


def _unread(name: str, dtype: pl.DataType, value: pl.Expr) -> pl.Expr:
    """Return `column=text` where a text is there and no value came of it; a date must be there in every row."""
    text = _text(name) if dtype == pl.String else pl.col(name).cast(pl.String)
    if name == "session":
        return pl.when(value.is_null()).then(pl.lit("session=") + text.fill_null(""))
    return pl.when(text.is_not_null() & value.is_null()).then(pl.lit(f"{name}=") + text)


def session_of(dtype: pl.DataType) -> pl.Expr:
    """Return the expression that reads the column `session` of this type as a date, null where it can't be."""
    column = pl.col("session")
    if dtype == pl.Date:
        return column
    if isinstance(dtype, pl.Datetime):
        return column.dt.date() if dtype.time_zone is None else _local_day(column)
    if dtype == pl.String:
        return _written_day(_text("session"))
    return pl.lit(None, pl.Date)


def _local_day(stamp: pl.Expr) -> pl.Expr:
    """Return the session of an aware stamp: the day as written where it is a midnight, New York's day otherwise."""
    midnight = stamp.dt.time() == pl.time(0, 0)
    return pl.when(midnight).then(stamp.dt.date()).otherwise(stamp.dt.convert_time_zone(_NEW_YORK).dt.date())


def _written_day(text: pl.Expr) -> pl.Expr:
    """Return the session of a text: year first, with or without a time of day and its offset from UTC."""
    well_formed = pl.when(text.str.contains(_WHOLE_DATE)).then(text)
    day = pl.concat_str([well_formed.str.extract(_DATE, group) for group in (1, 2, 3)], separator="-")
    written = day.str.to_date("%Y-%m-%d", strict=False)
    time = well_formed.str.extract(_TIME, 1)
    offset = well_formed.str.extract(_OFFSET, 1).str.replace("^(Z|UTC)$", "+00:00").str.replace(":", "", literal=True)
    stamp = (day + "T" + time + offset).str.to_datetime("%Y-%m-%dT%H:%M%z", time_zone="UTC", strict=False)
    moved = stamp.dt.convert_time_zone(_NEW_YORK).dt.date()
    return pl.when(offset.is_not_null() & (time != "00:00")).then(moved).otherwise(written)
