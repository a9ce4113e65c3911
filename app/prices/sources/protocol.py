"""What a price source is, what it answers, and in which ways it fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import ClassVar, Protocol, runtime_checkable

import polars as pl

from app.core.clock import DEFAULT_EXCHANGE
from app.core.errors import SourceUnavailable
from app.prices.frame import no_actions
from app.prices.outcomes import Outcome

FETCH_TIMEOUT_S = 10.0
"""No answer of a source is waited for longer than this."""

CALENDAR_AT_ONCE = 50
"""So many symbols stand in one question to a calendar: their days of four months fit into one answer."""


@dataclass(frozen=True)
class Fetched:
    """One symbol's answer: raw bars (unchecked, perhaps with the running session's row), actions, and what it is."""

    bars: pl.DataFrame
    actions: pl.DataFrame = field(default_factory=no_actions)
    name: str | None = None
    exchange: str = DEFAULT_EXCHANGE
    currency: str | None = None


@dataclass(frozen=True)
class Match:
    """A symbol that a source found for a text; `venue` is where it is traded, in the source's words."""

    symbol: str
    name: str | None
    venue: str | None


class PriceSource(Protocol):
    """Anything that knows daily bars by symbol; safe to call from several threads."""

    @property
    def name(self) -> str:
        """The word that is stored with each bar."""

    def fetch(
        self, symbol: str, start: date | None = None, end: date | None = None, timeout_s: float = FETCH_TIMEOUT_S
    ) -> Fetched:
        """Return the bars of the sessions in [start, end], all of them where a bound is None.

        Errors: a `FetchFailed`, within `timeout_s`.
        """


@runtime_checkable
class SearchSource(PriceSource, Protocol):
    """A price source that finds symbols by a part of their name."""

    def search(self, text: str, timeout_s: float) -> list[Match]:
        """Return symbols that can be forecast, best match first, a dozen at most. Errors: `FetchFailed`."""


@runtime_checkable
class EarningsSource(PriceSource, Protocol):
    """A price source that knows earnings days too; answers are in `frame.REPORTED_SCHEMA`, one row a (symbol, date)."""

    def past_days(self, symbol: str, timeout_s: float) -> pl.DataFrame:
        """Return the symbol's past days, and those to come that are reported beside them. Errors: a `FetchFailed`."""

    def days_to_come(self, symbols: Sequence[str], start: date, end: date, timeout_s: float) -> pl.DataFrame:
        """Return every day of these symbols in [start, end]: no day means none. Errors: `FetchFailed`."""


class FetchFailed(SourceUnavailable):
    """A source gave no bars; `outcome` says why in one word.

    `before` is the failure for which it wasn't asked this time; the text then says when it may be, too.
    """

    outcome: ClassVar[Outcome] = "unreachable"
    before: FetchFailed | None = None

    @property
    def lasting(self) -> str:
        """What is still true when it is read later."""
        return self.before.detail if self.before else self.detail


class Unreachable(FetchFailed):
    """No answer: no network, a refused or broken connection, a server error, or the time limit."""


class Limited(FetchFailed):
    """The source refuses for now: too many requests."""

    outcome = "limited"


class Malformed(FetchFailed):
    """The source answered something that can't be read."""

    outcome = "malformed"


class NoSuchSymbol(FetchFailed):
    """The source doesn't know the symbol (any more)."""

    outcome = "unknown"


class NoBars(FetchFailed):
    """The source knows the symbol and has no bars in the sessions asked for."""

    outcome = "unchanged"


class NoDays(FetchFailed):
    """The source tells no earnings days of the symbol: a fund, an index, or a page without its table."""

    outcome = "unchanged"
