"""The ledger: every forecast as it was made, append-only, each row hashed over itself and the row before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session

from app.forecasts.forecast import Forecast
from app.forecasts.scoring import Score

PAGE_LIMIT = 1000


@dataclass(frozen=True)
class Entry:
    """A forecast as kept, and its score once its close is known."""

    forecast: Forecast
    score: Score | None


@dataclass(frozen=True)
class Page:
    """Some entries, newest first; `cursor` asks for the ones after them, None at the end."""

    entries: tuple[Entry, ...]
    cursor: str | None


@dataclass(frozen=True)
class ChainReport:
    """Whether every row still carries the hash it was written with; `broken` is the first id that doesn't."""

    rows: int
    broken: str | None

    @property
    def intact(self) -> bool:
        """Say whether the chain holds from its first row to its last."""
        return self.broken is None


def append(db: Session, forecasts: Sequence[Forecast]) -> list[Forecast]:
    """Keep forecasts inside the caller's write transaction; return them as they stand in the ledger, in order.

    One that the ledger already has (same symbol, as_of, model version and origin) is not written again: the earlier
    one is returned.
    """
    raise NotImplementedError


def page(
    db: Session,
    symbol: str | None = None,
    model: str | None = None,
    start: date | None = None,
    end: date | None = None,
    limit: int = 100,
    cursor: str | None = None,
) -> Page:
    """Return entries newest first; `model` is a name or a version, `start` and `end` bound the target session.

    Errors: `BadInput` for a cursor that this function didn't give.
    """
    raise NotImplementedError


def get(db: Session, forecast_id: str) -> Entry:
    """Return one entry. Errors: `NotThere`."""
    raise NotImplementedError


def count(db: Session) -> int:
    """Return how many forecasts the ledger holds."""
    raise NotImplementedError


def verify_chain(db: Session) -> ChainReport:
    """Recompute every hash from the first row on."""
    raise NotImplementedError
