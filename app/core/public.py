"""How values read outside: as JSON, what Pydantic reads beside a field's type; in sentences, counts, shares, days."""

from __future__ import annotations

import math
from collections.abc import Sequence
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
    """Round each as `rounded` does, at a tenth of the cost: only small ones and those near a tie are done singly."""
    import numpy as np

    values = np.array(prices, dtype=np.float64)
    scaled = values * 1e4
    whole = np.rint(scaled)
    found: list[float | None] = (whole / 1e4).tolist()
    is_sure = (values >= _FOUR_DECIMALS_FROM) & (scaled < _EXACT_BELOW) & (np.abs(np.abs(scaled - whole) - 0.5) > _TIE)
    for place in np.flatnonzero(~is_sure).tolist():
        price = prices[place]
        found[place] = None if price is None else rounded(price)
    return found


_FOUR_DECIMALS_FROM = 10.0
_EXACT_BELOW, _TIE = 1e11, 1e-3
"""Up to there a product by 1e4 is off by less than a tie is wide."""

Price = Annotated[float, PlainSerializer(rounded, when_used="json")]
"""A price that JSON gets as `rounded` returns it; it is stored, hashed and computed with as it is."""
