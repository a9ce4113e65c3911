"""What the screener shows: all stored symbols by their outlook, a page of them at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from app.prices.store import SymbolStatus
from app.web.edge import render
from app.web.edge.deps import Services
from app.web.predictions.answers import Answers
from app.web.predictions.outlook import Outlook
from app.web.predictions.screen import Screen

HEADINGS: Final = (
    ("symbol", "Symbol", "symbol"),
    ("close", "Last close", "-close"),
    ("move", "Expected move", "-move"),
    ("ratio", "Against usual", "-ratio"),
    ("chance", "Beyond 2 / 5 %", "-chance"),
    ("results", "Next results", "results"),
    ("skill", "Tested skill", "-skill"),
)
"""Each column that sorts: its key, its heading, and the order that a first click asks for."""


@dataclass(frozen=True)
class Screened:
    """The page: the rows of it, and how many there are in all."""

    services: Services
    screen: Screen
    rows: tuple[Outlook, ...]
    found: int
    statuses: Sequence[SymbolStatus]
    claims_point_skill: bool
    made: int | None
    """How many forecasts are there while a job makes more; None where none does."""

    @property
    def last(self) -> int:
        """How many rows this page and those before it have shown."""
        return self.screen.offset + len(self.rows)

    def row(self, one: Outlook) -> str:
        """Render a row."""
        shown = one, self.claims_point_skill
        return self.services.memo.of(("screened", one.symbol), shown, lambda: render.macro("rows", "screened")(*shown))

    def address(self, **changed: Any) -> str:
        """Return the page's address with some of what is asked changed; any other order starts at the first row."""
        return f"/screener?{query(self.screen.model_copy(update={'offset': 0, **changed}))}"


def query(screen: Screen) -> str:
    """Return what is asked as the query of an address, without what is the default."""
    return urlencode(screen.model_dump(exclude_defaults=True))


def screened(services: Services, answers: Answers, screen: Screen) -> Screened:
    """Read the page's facts."""
    found, stored = screen.read(services, answers)
    return Screened(
        services=services,
        screen=screen,
        rows=tuple(found[screen.offset : screen.offset + screen.limit]),
        found=len(found),
        statuses=stored,
        claims_point_skill=any(one.predicted_close is not None for one in found),
        made=len(stored) - len(answers.missing()) if answers.making else None,
    )
