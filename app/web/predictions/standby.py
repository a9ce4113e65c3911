"""Standby answers: of the version served before, for a rollback, and of one that is about to be promoted.

When the pointer moves, those that rest on what is still so are the answers at once: nothing is made at that moment, at
which every symbol would need it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from app.web.predictions.snapshot import Answer, Snapshot

MOST = 2
"""Of so many versions answers are kept."""
Grounds = tuple[frozenset[tuple[str, int]], int | None, bool]
"""The market's series, the version of the symbol's prices, and whether proofs are owed."""


@dataclass
class Standby:
    """Not safe between threads: whoever uses it holds the lock of the answers."""

    coming: str | None = None
    """The version that forecast last without being served: it may be about to be."""
    _held: dict[str, dict[str, tuple[Grounds, Answer | None]]] = field(default_factory=dict)

    def see(self, made: Iterable[tuple[str, str]], served: str | None) -> None:
        """Learn that versions made new forecasts of symbols."""
        for symbol, version in made:
            self._held.get(version, {}).pop(symbol, None)
            if version != served:
                self.coming = version

    def missing(self, version: str, now: Snapshot, symbols: Iterable[str], *, owed: bool) -> list[str]:
        """Return the symbols of which a version has neither an answer nor, as was found, a forecast.

        With none left, it is no longer the one that comes.
        """
        held = self._held.get(version, {})
        missing = [one for one in symbols if held.get(one, (None,))[0] != _grounds(now, one, owed=owed)]
        if not missing and self.coming == version:
            self.coming = None
        return missing

    def keep(self, version: str, now: Snapshot, answers: Mapping[str, Answer | None], *, owed: bool) -> None:
        """Keep a version's answers; None for a symbol that it hasn't forecast."""
        while version not in self._held and len(self._held) >= MOST:
            self._held.pop(next(iter(self._held)))
        held = self._held.setdefault(version, {})
        held |= {symbol: (_grounds(now, symbol, owed=owed), one) for symbol, one in answers.items()}

    def swap(self, old: Snapshot, new: Snapshot) -> dict[str, Answer]:
        """Return what is ready of another version, served from now on, and keep what was ready of the one before."""
        before, version = old.common.version, new.common.version
        its = self._held.pop(version or "", {})
        if before is not None:
            whole = {symbol: one for symbol, one in old.answers.items() if not one.provisional}
            self.keep(before, old, whole, owed=old.common.owing == before)
        self.coming = None if self.coming == version else self.coming
        owed = new.common.owing == version
        return {
            symbol: one
            for symbol, (grounds, one) in its.items()
            if one is not None and grounds == _grounds(new, symbol, owed=owed)
        }


def _grounds(now: Snapshot, symbol: str, *, owed: bool) -> Grounds:
    return now.common.series, now.versions.get(symbol), owed
