"""How values read outside: as JSON, what Pydantic reads beside a field's type; in sentences, counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from pydantic import PlainSerializer


def iso(instant: datetime) -> str:
    """Write an instant in UTC, to the second, with a Z."""
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


Instant = Annotated[datetime, PlainSerializer(iso)]
"""An aware instant that JSON gets as `iso` writes it."""


def rounded(price: float) -> float:
    """Round a price to four decimals or six significant digits, whichever is more: 177.57, not 177.57000732421875."""
    return round(price, 4) if abs(price) >= _FOUR_DECIMALS_FROM else float(f"{price:.6g}")


def counted(noun: str, count: float) -> str:
    """Return a noun as it stands behind a count: 1 session, 2 sessions."""
    return noun if count == 1 else f"{noun}s"


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
