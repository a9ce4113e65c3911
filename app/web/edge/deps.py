"""What the routes need: the process's services, found on the app, built once by `app.main`."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Final, TypeVar, cast

from fastapi import Depends, Request

from app.core.clock import Clock, calendar
from app.core.db import Database
from app.core.settings import Settings
from app.forecasts.prediction.forecaster import Forecaster
from app.prices.sources.factory import open_source
from app.prices.sources.protocol import PriceSource
from app.prices.store import Statuses, SymbolStatus
from app.registry.promotion.champion import Champion
from app.registry.promotion.proofs import proofs_of

T = TypeVar("T")
_NOTHING: Final[tuple[object, Any]] = object(), None
"""Stands where a name has no value yet: no grounds are the same."""


class Memo:
    """The newest value of each name, while what it rests on is the same; safe to share between threads.

    Past `most` names all are forgotten: addresses are without number.
    """

    def __init__(self, most: int) -> None:
        """Hold nothing yet."""
        self._most: Final = most
        self._held: dict[Hashable, tuple[object, Any]] = {}

    def of(self, name: Hashable, grounds: object, make: Callable[[], T]) -> T:
        """Return the value of a name, made anew where its grounds are others than last time."""
        held = self._held.get(name, _NOTHING)
        return cast("T", held[1]) if held[0] == grounds else self._keep(name, grounds, make())

    def of_many(
        self, kind: str, grounds: Mapping[str, object], make: Callable[[list[str]], Mapping[str, T]]
    ) -> dict[str, T]:
        """Return the value of each (kind, name); those whose grounds are others than last time are made together."""
        held = {name: self._held.get((kind, name), _NOTHING) for name in grounds}
        same = {name: value for name, (its, value) in held.items() if its == grounds[name]}
        due = [name for name in grounds if name not in same]
        made = {name: self._keep((kind, name), grounds[name], one) for name, one in make(due).items()} if due else {}
        return same | made

    def _keep(self, name: Hashable, grounds: object, value: T) -> T:
        if len(self._held) >= self._most:
            self._held.clear()
        self._held[name] = grounds, value
        return value


@dataclass(frozen=True)
class Services:
    """What one process has of each; safe to use from several threads."""

    settings: Settings
    database: Database
    clock: Clock
    forecaster: Forecaster
    champion: Champion

    @cached_property
    def source(self) -> PriceSource:
        """Where unknown symbols are looked up; opened when the first one is asked for."""
        return open_source(self.settings)

    @cached_property
    def stored(self) -> Statuses:
        """The statuses of all symbols."""
        return Statuses(self.database)

    @cached_property
    def memo(self) -> Memo:
        """What answers are made of, as long as it stays the same: small things, one a symbol at the most."""
        return Memo(40_000)

    @cached_property
    def drawn(self) -> Memo:
        """The same of large things, such as charts of some hundred kB: few."""
        return Memo(60)

    def sessions_behind(self, status: SymbolStatus) -> int | None:
        """Count the final sessions since the symbol's newest bar, by its own exchange; None where it has none."""
        return self.all_behind([status])[0]

    def all_behind(self, statuses: Sequence[SymbolStatus]) -> list[int | None]:
        """Count them for each of many symbols, which share their few newest sessions."""
        now = self.clock.now()
        newest = {(one.exchange, one.last) for one in statuses}
        behind = {(code, last): calendar(code).sessions_behind(last, now) for code, last in newest if last is not None}
        return [None if one.last is None else behind[one.exchange, one.last] for one in statuses]

    def owing(self) -> str | None:
        """Return the champion's version while its proofs are owed; once it owes none, none after that promotion."""
        pointer, version = self.champion.state(), self.champion.version()
        if version is None or pointer in self._proved:
            return None
        # A decision is written before the pointer moves: a session opened after the pointer was read has it.
        if self.owes(version):
            return version
        self._proved.add(pointer)
        return None

    def owes(self, version: str) -> bool:
        """Say whether a version's proofs are owed."""
        with self.database.read() as db:
            return proofs_of(db, [version])[version].owed

    @cached_property
    def _proved(self) -> set[object]:
        return set()


async def get_services(request: Request) -> Services:
    """Return the services that `app.main` put on the app; async, for FastAPI calls a plain function in a thread."""
    return cast("Services", request.app.state.nextclose)


ServicesDep = Annotated[Services, Depends(get_services)]
"""A route's parameter of this type gets them."""
