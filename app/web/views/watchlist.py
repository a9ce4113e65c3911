"""What the first page shows: how far each symbol may go next, or how far the first run is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final, Literal
from urllib.parse import urlencode

from app.forecasts.ledger.forecast import Forecast
from app.jobs import runs
from app.jobs.plan import Upcoming, next_cycles
from app.jobs.tables import JobRun
from app.prices import store
from app.prices.store import SymbolStatus
from app.web.edge import formats
from app.web.edge.deps import Services
from app.web.figures import drawing
from app.web.predictions.answers import Answers
from app.web.predictions.outlook import Outlook, board
from app.web.predictions.screen import Sort, arranged, has_results_within
from app.web.predictions.snapshot import Answer

Only = Literal["wider", "results"]
_SOON = 5
ONLY: Final[dict[Only, tuple[str, Callable[[Outlook], bool]]]] = {
    "wider": ("Wider than usual", lambda one: one.move_ratio is not None and formats.way(one.move_ratio) == "wider"),
    "results": (
        f"Results within {_SOON} sessions",
        partial(has_results_within, _SOON),
    ),
}
"""What the page can be narrowed to: a title, and what a row must be."""
_RECENT = 20
MOST_UNWATCHED = 50
"""Stored symbols that are shown where nothing is watched; the screener has all."""
SPARK_SESSIONS = 60
_PRICES_DONE = 0.3
"""From this part of a first run on, its prices are found."""
_SETTING_UP = ("first_run", "train", "cycle", "refresh", "forecast")


@dataclass(frozen=True)
class Row:
    """One symbol: its outlook, its last sessions as a line, and its bands on the axis that all rows share."""

    outlook: Outlook
    close: float | None
    spark: str
    strip: drawing.Strip | None


@dataclass(frozen=True)
class Setup:
    """How far the first run is, while nothing can be forecast yet.

    `states` are those of fetching prices, of training and of forecasting: done, now, next or failed. `priced` counts
    the watched symbols that have prices.
    """

    states: tuple[str, ...]
    priced: int
    run: JobRun | None
    failed: str | None

    @property
    def running(self) -> bool:
        """Say whether something is being done about it."""
        return self.run is not None and self.run.state == "running"


@dataclass(frozen=True)
class Watchlist:
    """The whole page; without a watchlist its rows are the first stored symbols. `verdict` is the last monitoring's."""

    rows: tuple[Row, ...]
    statuses: tuple[SymbolStatus, ...]
    stored: int
    watching: bool
    setup: Setup | None
    running: JobRun | None
    upcoming: Upcoming
    verdict: str | None
    forecasts: tuple[Forecast, ...]
    sort: Sort | None
    only: Only | None
    counts: Mapping[str, int]
    """How many symbols each choice of `ONLY` leaves."""
    behind: int
    """How many final sessions every symbol lacks; a row that lacks more says so itself."""

    def address(self, **changed: str | None) -> str:
        """Return the page's address with another order, or narrowed otherwise."""
        asked = {"sort": self.sort, "only": self.only} | changed
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"/?{query}" if query else "/"

    @property
    def targets(self) -> tuple[date, ...]:
        """The sessions that are forecast, earliest first."""
        return tuple(sorted({one.target_session for one in self.forecasts}))

    @property
    def claims_point_skill(self) -> bool:
        """Whether any row may show a point forecast."""
        return any(one.claims_point_skill for one in self.forecasts)

    @property
    def models(self) -> tuple[Forecast, ...]:
        """One forecast of each model version in use, for its name and verdict."""
        return tuple({one.model_version: one for one in self.forecasts}.values())


def watchlist(services: Services, answers: Answers, sort: Sort | None = None, only: Only | None = None) -> Watchlist:
    """Read the page's facts; what was forecast before is ready, the rest is made."""
    every = services.stored.all()
    with services.database.read() as db:
        recent, report = runs.recent(db, _RECENT), runs.last_report(db)
        cycle = min(next_cycles(db, services.clock.now()), key=lambda one: one.at)
    watched = [status for status in every if status.watched]
    shown = watched or every[:MOST_UNWATCHED]
    lines, found = board(services, answers, shown)
    forecasts = tuple(one.forecast for one in found if isinstance(one, Answer))
    only = only if forecasts and len(shown) > 1 else None
    chosen = [one for one in lines if ONLY[only][1](one)] if only else lines
    return Watchlist(
        rows=_rows(services, answers, arranged(chosen, sort) if sort else chosen, forecasts),
        statuses=tuple(shown),
        stored=len(every),
        watching=bool(watched),
        setup=None if forecasts else setup(services, shown, recent),
        running=next((run for run in recent if run.state == "running"), None),
        upcoming=cycle,
        verdict=report["verdict"] if report else None,
        forecasts=forecasts,
        sort=sort,
        only=only,
        counts={key: sum(map(holds, lines)) for key, (_, holds) in ONLY.items()},
        behind=min((one.sessions_behind or 0 for one in lines if one.last_session), default=0),
    )


def _rows(
    services: Services, answers: Answers, lines: Sequence[Outlook], forecasts: Sequence[Forecast]
) -> tuple[Row, ...]:
    versions, widest = answers.snapshot().versions, drawing.reach(forecasts)
    last = {one.symbol: one.last_session for one in lines if one.last_session}
    grounds = {symbol: (versions.get(symbol), session) for symbol, session in last.items()}
    sparks = services.memo.of_many("spark", grounds, lambda due: _sparks(services, [(one, last[one]) for one in due]))
    strips = {one.symbol: drawing.strip(one, widest) for one in forecasts}
    return tuple(Row(one, *sparks.get(one.symbol, (None, "")), strips.get(one.symbol)) for one in lines)


def _sparks(services: Services, ends: Sequence[tuple[str, date]]) -> dict[str, tuple[float | None, str]]:
    """Return each symbol's last close up to a session, and its last sessions as a line."""
    with services.database.read() as db:
        closes = store.last_closes(db, ends, SPARK_SESSIONS)
    return {symbol: (its[-1] if its else None, drawing.sparkline(its)) for (symbol, _), its in closes.items()}


def setup(services: Services, statuses: Sequence[SymbolStatus], recent: Sequence[JobRun]) -> Setup:
    """Tell the three steps of a first run: prices, model, forecasts."""
    run = next((run for run in recent if run.kind in _SETTING_UP), None)
    running = run is not None and run.state == "running"
    failed = run.message if run is not None and run.state not in {"running", "done"} else None
    priced = sum(status.bars > 0 for status in statuses)
    seen = sum(status.bars > 0 or status.refreshed_at is not None for status in statuses)
    past = not running or (run is not None and (run.kind == "train" or run.progress >= _PRICES_DONE))
    fetched = priced > 0 and (past or seen == len(statuses))
    here = "now" if running else "failed" if failed else "next"
    done = 0 if not fetched else 1 if services.champion.current() is None else 2
    return Setup(("done",) * done + (here,) + ("next",) * (2 - done), priced, run, failed)
