"""What the watchlist page shows: a row per symbol, or how far the first run is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session

from app.core.errors import NextcloseError, NoChampion, NoHistory
from app.forecasts.ledger.forecast import Forecast
from app.jobs import runs
from app.jobs.tables import JobRun
from app.prices import store
from app.prices.store import LastBar, SymbolStatus
from app.registry.versions.card import Score
from app.web.edge.deps import Services
from app.web.figures import drawing
from app.web.views import layout

_RECENT = 20
_REFRESHES = {"refresh", "cycle"}
_PRICES_DONE = 0.3
"""From this part of a first run on, its prices are found."""
_SETTING_UP = ("first_run", "train", "cycle", "refresh", "forecast")


@dataclass(frozen=True)
class Row:
    """One watched symbol."""

    status: SymbolStatus
    last: LastBar | None
    forecast: Forecast | None
    problem: str | None
    behind: int
    tested: Score | None
    strip: drawing.Strip | None


@dataclass(frozen=True)
class Setup:
    """How far the first run is, while nothing can be forecast yet.

    `states` are those of fetching prices, of training and of forecasting: done, now, next or failed. `priced` counts
    the watched symbols that have prices.
    """

    states: tuple[str, str, str]
    priced: int
    run: JobRun | None
    failed: str | None

    @property
    def running(self) -> bool:
        """Say whether something is being done about it."""
        return self.run is not None and self.run.state == "running"


@dataclass(frozen=True)
class Watchlist:
    """The whole page."""

    rows: tuple[Row, ...]
    statuses: tuple[SymbolStatus, ...]
    setup: Setup | None
    refreshing: JobRun | None

    @property
    def behind(self) -> int:
        """How many final sessions every row lacks; a row that lacks more says so itself."""
        return min((row.behind for row in self.rows if row.last), default=0)

    @property
    def forecasts(self) -> tuple[Forecast, ...]:
        """The forecasts on it, in order."""
        return tuple(row.forecast for row in self.rows if row.forecast)

    @property
    def targets(self) -> tuple[date, ...]:
        """The sessions that are forecast, earliest first."""
        return tuple(sorted({one.target_session for one in self.forecasts}))

    @property
    def models(self) -> tuple[Forecast, ...]:
        """One forecast of each model version in use, for its name and verdict."""
        return tuple({one.model_version: one for one in self.forecasts}.values())


def watchlist(services: Services) -> Watchlist:
    """Read the page's facts: two queries on prices, one on the ledger, one on jobs."""
    with services.database.read() as db:
        statuses = tuple(status for status in store.statuses(db) if status.watched)
        names = [status.symbol for status in statuses]
        last = store.last_bars(db, names)
        recent = runs.recent(db, _RECENT)
    refreshing = any(run.state == "running" and run.kind in _REFRESHES for run in recent)
    answers = _forecasts_kept(services, names) if refreshing else _forecasts(services, names)
    rows = tuple(_rows(services, statuses, last, answers))
    ready = any(row.forecast for row in rows)
    return Watchlist(
        rows=rows,
        statuses=statuses,
        setup=None if ready else setup(services, statuses, recent),
        refreshing=next((run for run in recent if run.state == "running"), None),
    )


def _forecasts_kept(services: Services, names: Sequence[str]) -> Sequence[Forecast | NextcloseError]:
    """Return what was forecast last: a look in the middle of a refresh must not forecast on half a market."""
    none_yet = NoHistory("its forecast comes at the end of the refresh that is under way")
    return [forecast or none_yet for forecast in services.forecaster.last_many(names)]


def _forecasts(services: Services, names: Sequence[str]) -> Sequence[Forecast | NextcloseError]:
    try:
        return services.forecaster.latest_many(names)
    except NoChampion as error:
        return [error] * len(names)


def _rows(
    services: Services,
    statuses: Sequence[SymbolStatus],
    last: dict[str, LastBar],
    answers: Sequence[Forecast | NextcloseError],
) -> list[Row]:
    made = [answer for answer in answers if isinstance(answer, Forecast)]
    widest = drawing.reach(made)
    champion = services.champion.current()
    tested = champion.card.metrics.by_symbol if champion else {}
    sampled = any(status.source == layout.SAMPLE for status in statuses)
    return [
        Row(
            status=status,
            last=last.get(status.symbol),
            forecast=answer if isinstance(answer, Forecast) else None,
            problem=_problem(status, answer, sampled=sampled),
            behind=services.sessions_behind(status) or 0,
            tested=tested.get(status.symbol),
            strip=drawing.strip(answer, widest) if isinstance(answer, Forecast) else None,
        )
        for status, answer in zip(statuses, answers, strict=True)
    ]


def _problem(status: SymbolStatus, answer: Forecast | NextcloseError, *, sampled: bool) -> str | None:
    """Say why a row has no forecast; while nothing is ready, the steps above the table say it."""
    if isinstance(answer, Forecast):
        return None
    if status.bars == 0:
        return "not in the bundled sample" if sampled else status.error or "no prices yet"
    return None if isinstance(answer, NoChampion) else answer.detail


def setup(services: Services, statuses: Sequence[SymbolStatus], recent: Sequence[JobRun]) -> Setup:
    """Tell the three steps of a first run: prices, model, forecasts."""
    run = next((run for run in recent if run.kind in _SETTING_UP), None)
    running = run is not None and run.state == "running"
    failed = run.message if run is not None and run.state in {"failed", "lost"} else None
    priced = sum(status.bars > 0 for status in statuses)
    seen = sum(status.bars > 0 or status.refreshed_at is not None for status in statuses)
    past = not running or (run is not None and (run.kind == "train" or run.progress >= _PRICES_DONE))
    fetched = priced > 0 and (past or seen == len(statuses))
    here = "now" if running else "failed" if failed else "next"
    if not fetched:
        states = (here, "next", "next")
    elif services.champion.current() is None:
        states = ("done", here, "next")
    else:
        states = ("done", "done", here)
    return Setup(states, priced, run, failed)


def suggestions(db: Session, text: str, limit: int = 8) -> list[SymbolStatus]:
    """Return stored symbols that begin with the text, then those whose name holds it."""
    wanted = text.strip().upper()
    if not wanted:
        return []
    stored = store.statuses(db)
    begins = [status for status in stored if status.symbol.startswith(wanted)]
    named = [status for status in stored if status not in begins and wanted in (status.name or "").upper()]
    exact_first = sorted(begins, key=lambda status: (status.symbol != wanted, status.symbol))
    return [*exact_first, *named][:limit]
