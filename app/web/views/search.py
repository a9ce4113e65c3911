"""Finding a symbol: in what is stored at once, at the price source within limits."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from threading import BoundedSemaphore, Lock
from time import monotonic
from typing import Any, Final, cast

from app.core.errors import RateLimited, SourceUnavailable
from app.prices.sources.protocol import Match, PriceSource, SearchSource
from app.prices.store import SymbolStatus

SHORTEST: Final = 2
"""Of fewer letters the source would find anything."""
SEARCH_S: Final = 4.0
AT_ONCE: Final = 4
REPEATED_AFTER_S, RESTS_S = 600.0, 30.0
"""How long an answer is kept, and for how long nothing is asked after the source failed."""
_MOST_KEPT: Final = 512


def stored(known: Sequence[SymbolStatus], text: str, limit: int = 8) -> list[SymbolStatus]:
    """Return stored symbols that begin with the text, then those whose name holds it."""
    wanted = text.strip().upper()
    if not wanted:
        return []
    begins = [status for status in known if status.symbol.startswith(wanted)]
    named = [
        status for status in known if not status.symbol.startswith(wanted) and wanted in (status.name or "").upper()
    ]
    exact_first = sorted(begins, key=lambda status: (status.symbol != wanted, status.symbol))
    return [*exact_first, *named][:limit]


@dataclass(frozen=True)
class Elsewhere:
    """What the source has besides; `note` is one quiet line where it has nothing, or couldn't be asked."""

    matches: tuple[Match, ...] = ()
    note: str | None = None


@dataclass
class _Searches:
    """One source's answers by text, and until when it is let rest; safe to use from several threads."""

    kept: dict[str, tuple[float, list[Match]]] = field(default_factory=dict)
    rests_until: float = 0.0
    lock: Lock = field(default_factory=Lock)
    places: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(AT_ONCE))

    def known(self, text: str) -> list[Match] | None:
        """Return a recent answer; None where there is none."""
        with self.lock:
            at, found = self.kept.get(text, (-REPEATED_AFTER_S, []))
        return found if monotonic() - at < REPEATED_AFTER_S else None

    def keep(self, text: str, found: list[Match]) -> None:
        """Keep an answer in place of the oldest."""
        with self.lock:
            self.kept.pop(text, None)
            self.kept[text] = (monotonic(), found)
            if len(self.kept) > _MOST_KEPT:
                self.kept.pop(next(iter(self.kept)))

    def ask(self, source: SearchSource, text: str) -> list[Match]:
        """Ask the source, or raise that it is down, or asked by too many others."""
        if monotonic() < self.rests_until:
            raise SourceUnavailable("the source failed a moment ago")
        if not self.places.acquire(blocking=False):
            raise RateLimited(f"{AT_ONCE} other searches are under way")
        try:
            found = source.search(text, SEARCH_S)
        except SourceUnavailable:
            self.rests_until = monotonic() + RESTS_S
            raise
        finally:
            self.places.release()
        self.keep(text, found)
        return found


@lru_cache(maxsize=8)
def _searches(source: Any) -> _Searches:  # noqa: ARG001 - each source's own
    return _Searches()


def elsewhere(source: PriceSource, text: str, but: Container[str]) -> Elsewhere:
    """Ask the source for symbols but those that are stored: few at once, nothing twice, nothing while it is down."""
    wanted = " ".join(text.upper().split())
    if len(wanted) < SHORTEST or not isinstance(source, SearchSource):
        return Elsewhere()
    searches: _Searches = _searches(cast("Any", source))
    try:
        known = searches.known(wanted)
        found = searches.ask(source, wanted) if known is None else known
    except SourceUnavailable:
        return Elsewhere(note="The price source doesn't answer: only what is stored is found")
    except RateLimited:
        return Elsewhere(note="The price source is being asked a lot: type on in a moment")
    others = tuple(one for one in found if one.symbol not in but)
    return Elsewhere(others, None if others else "The price source knows no other")
