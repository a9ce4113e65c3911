"""How value types are told as JSON: what Pydantic reads beside a field's type."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import PlainSerializer


def iso(instant: datetime) -> str:
    """Write an instant in UTC, to the second, with a Z."""
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


Instant = Annotated[datetime, PlainSerializer(iso)]
"""An aware instant that JSON gets as `iso` writes it."""
