"""How value types read as JSON: what Pydantic reads beside a field's type."""

from __future__ import annotations

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


_FOUR_DECIMALS_FROM = 10.0

Price = Annotated[float, PlainSerializer(rounded, when_used="json")]
"""A price that JSON gets as `rounded` returns it; it is stored, hashed and computed with as it is."""
