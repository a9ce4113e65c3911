"""Screening: which outlooks a reader wants to see, in which order, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from operator import attrgetter
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, Field

from app.prices.store import SymbolStatus
from app.web.edge.deps import Services
from app.web.predictions.answers import Answers
from app.web.predictions.outlook import Outlook, board

_KEYS: Final[dict[str, Callable[[Outlook], Any]]] = {
    "symbol": attrgetter("symbol"),
    "close": attrgetter("last_close"),
    "move": attrgetter("expected_move"),
    "ratio": attrgetter("move_ratio"),
    "chance": attrgetter("chance_beyond_5"),
    "results": lambda one: one.event and one.event.sessions_until,
    "skill": attrgetter("tested_crps_skill"),
}
Sort = Literal[
    "symbol", "close", "move", "ratio", "chance", "results", "skill",
    "-symbol", "-close", "-move", "-ratio", "-chance", "-results", "-skill",
]  # fmt: skip


def _blank(value: Any) -> Any:
    """Take an empty field of a form for one that wasn't filled in."""
    return None if value == "" else value


class Screen(BaseModel):
    """What is asked of the screener; everything has a default."""

    q: str = Field("", max_length=40, description="Part of a symbol or company name")
    watched: bool = Field(default=False, description="Only the watchlist")
    min_move: Annotated[float | None, BeforeValidator(_blank)] = Field(
        None, ge=0, le=1, description="Smallest expected move, 0.02 for 2 %"
    )
    min_ratio: Annotated[float | None, BeforeValidator(_blank)] = Field(
        None, ge=0, le=100, description="Smallest ratio of the expected move to the usual one"
    )
    results_within: Annotated[int | None, BeforeValidator(_blank)] = Field(
        None, ge=1, le=400, description="Only symbols whose next results are traded within so many sessions"
    )
    sort: Sort = Field(
        "-ratio", description="A column, with a minus for the largest first; what isn't known comes last"
    )
    format: Literal["json", "csv"] = Field("json", description="`csv` for all that is asked for as a table")
    limit: int = Field(100, ge=1, le=1000)
    offset: int = Field(0, ge=0, le=1_000_000)

    def chosen(self, rows: Sequence[Outlook]) -> list[Outlook]:
        """Return the rows that are asked for, sorted; `limit` and `offset` aren't applied."""
        for holds in self._conditions():
            rows = [one for one in rows if holds(one)]
        return arranged(rows, self.sort)

    def read(self, services: Services, answers: Answers) -> tuple[list[Outlook], Sequence[SymbolStatus]]:
        """Return the rows that are asked for, and all symbols that are stored."""
        stored = services.stored.all()
        return self.chosen(board(services, answers, stored)[0]), stored

    def _conditions(self) -> Iterator[Callable[[Outlook], bool]]:
        """Yield what a row must be, of what is asked at all."""
        text, most = self.q.strip().upper(), self.results_within
        if self.watched:
            yield lambda one: one.watched
        if text:
            yield lambda one: text in one.symbol or text in (one.name or "").upper()
        for key, least in (("move", self.min_move), ("ratio", self.min_ratio)):
            if least is not None:
                yield partial(_reaches, _KEYS[key], least)
        if most is not None:
            yield partial(has_results_within, most)


def has_results_within(sessions: int, one: Outlook) -> bool:
    """Say whether a symbol's next results are known and traded within so many sessions."""
    return one.event is not None and one.event.sessions_until <= sessions


def _reaches(key: Callable[[Outlook], float | None], least: float, one: Outlook) -> bool:
    value = key(one)
    return value is not None and value >= least


def arranged(rows: Sequence[Outlook], sort: Sort) -> list[Outlook]:
    """Return the rows in an order; equal ones by symbol, those without the value at the end."""
    key = _KEYS[sort.removeprefix("-")]
    ordered = sorted(rows, key=_KEYS["symbol"])
    known = [one for one in ordered if key(one) is not None]
    known.sort(key=key, reverse=sort.startswith("-"))
    return known + [one for one in ordered if key(one) is None]
