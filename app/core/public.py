"""How values read outside: as JSON, what Pydantic reads beside a field's type; in sentences, counts, shares, days."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Annotated

from pydantic import PlainSerializer

UNKNOWN = "\u2013"
MINUS = "\u2212"
PER_CENT = "\u202f%"


def iso(instant: datetime) -> str:
    """Write an instant in UTC, to the second, with a Z."""
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


Instant = Annotated[datetime, PlainSerializer(iso)]
"""An aware instant that JSON gets as `iso` writes it."""


def rounded(price: float) -> float:
    """Round a price to four decimals or six significant digits, whichever is more: 177.57, not 177.57000732421875."""
    return round(price, 4) if abs(price) >= _FOUR_DECIMALS_FROM else float(f"{price:.6g}")


def counted(count: float, noun: str) -> str:
    """Write a count, thousands apart, with what it counts: 1 session, 1,200 sessions."""
    return f"{count:,.15g} {noun}{'' if count == 1 else 's'}"


def percent(value: float | None, digits: int = 1) -> str:
    """Write a share as a percentage without a sign: 0.523 reads 52.3 %."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{value * 100:z.{digits}f}{PER_CENT}".replace("-", MINUS)


@lru_cache(maxsize=4096)
def day(value: date | None, weekday: bool = False) -> str:
    """Write a session: 3 Jan 2022, or Mon 3 Jan 2022."""
    if value is None:
        return UNKNOWN
    return f"{value:%a} {value.day} {value:%b %Y}" if weekday else f"{value.day} {value:%b %Y}"


def all_rounded(prices: Sequence[float | None]) -> list[float | None]:
    """Round each as `rounded` does, at a tenth of the cost."""
    return _together(prices, rounded, _FOUR_DECIMALS_FROM)


def four_decimals(values: Sequence[float | None]) -> list[float | None]:
    """Round each to four decimals, to the bit what `round` makes of it, at a fifth of the cost."""
    return _together(values, lambda value: round(value, 4), 0.0)


def _together(values: Sequence[float | None], singly: Callable[[float], float], at_least: float) -> list[float | None]:
    """Return what `singly` makes of each: of those of this size on it rounds to four decimals.

    Only smaller ones, and those near a tie, are done singly; None stays None.
    """
    import numpy as np

    given = np.array(values, dtype=np.float64)
    scaled = given * 1e4
    whole, size = np.rint(scaled), np.abs(given)
    found: list[float | None] = (whole / 1e4).tolist()
    is_sure = (size >= at_least) & (size < _EXACT_BELOW) & (np.abs(np.abs(scaled - whole) - 0.5) > _TIE)
    for place in np.flatnonzero(~is_sure).tolist():  # those that aren't known among them
        value = values[place]
        found[place] = None if value is None else singly(value)
    return found


_FOUR_DECIMALS_FROM = 10.0
_EXACT_BELOW, _TIE = 1e7, 1e-3
"""Up to there a product by 1e4 is off by less than a tie is wide."""

Price = Annotated[float, PlainSerializer(rounded, when_used="json")]
"""A price that JSON gets as `rounded` returns it; it is stored, hashed and computed with as it is."""
