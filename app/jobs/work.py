"""What each kind of job does: calls into the rooms, in order, and what came of it as plain JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import CheckFailed, NextcloseError, NoChampion
from app.core.progress import Progress, silent, within
from app.core.public import counted
from app.core.settings import Settings
from app.jobs import runs
from app.jobs.retrain import Outcome, alias, prove, review, train
from app.prices.outcomes import RefreshReport

if TYPE_CHECKING:
    from app.monitoring.report import Report

Work = Callable[[Settings, Database, Clock, Progress], Outcome]


class CycleFailed(NextcloseError):
    """A part of the cycle failed; the others were done all the same, and `outcome` says which."""

    code = "cycle_failed"

    def __init__(self, detail: str, outcome: Outcome) -> None:
        """Keep what each part came to."""
        super().__init__(detail)
        self.outcome = outcome


def refresh(settings: Settings, database: Database, clock: Clock, progress: Progress) -> Outcome:
    """Bring the prices of the watchlist up to the last final session; then series and earnings days."""
    from app.prices.refresh.beside import refresh_beside
    from app.prices.refresh.run import refresh as refresh_prices
    from app.prices.sources.factory import open_source

    source = open_source(settings)
    reports = refresh_prices(database, source, clock, progress=within(progress, 0.0, 0.7))
    beside = refresh_beside(settings, database, source, clock, reports, progress=within(progress, 0.7, 1.0))
    outcomes = {report.symbol: {"outcome": report.outcome, "detail": report.detail} for report in beside}
    return {**_outcome(reports), "beside": outcomes}


def check(settings: Settings, database: Database, clock: Clock, progress: Progress) -> Outcome:
    """Compare this week's tenth of the symbols, whole, with the source."""
    from app.prices.refresh.run import refresh_tenth
    from app.prices.sources.factory import open_source

    return _outcome(refresh_tenth(database, open_source(settings), clock, progress))


def forecast(settings: Settings, database: Database, clock: Clock, progress: Progress) -> Outcome:
    """Forecast the next session of every symbol; then let the challengers do so in shadow."""
    from app.forecasts.prediction.forecaster import Forecaster
    from app.registry.promotion.challengers import in_shadow, loaded
    from app.registry.promotion.champion import Champion

    champion = Champion(settings)
    forecaster = Forecaster(settings, database, clock, champion)
    made, model = forecaster.forecast_all(within(progress, 0.0, 0.5)), champion.current()
    with database.read() as db:
        challengers = [version for version in in_shadow(db) if model and version != model.card.version]
    hidden = forecaster.shadow_all(loaded(settings, challengers), within(progress, 0.5, 1.0)) if challengers else 0
    return {"forecasts": made, "in_shadow": hidden}


def score(settings: Settings, database: Database, clock: Clock, progress: Progress) -> Outcome:  # noqa: ARG001 - a Work
    """Settle every forecast whose close is now known."""
    from app.forecasts.ledger.scoring import score_due

    return {"scored": score_due(database, clock, progress)}


def monitoring_report(settings: Settings, database: Database, clock: Clock, progress: Progress) -> Report:
    """Look at everything that is watched, the jobs among it."""
    from app.monitoring.report import JobState, monitor

    with database.read() as db:
        ended = [run for kind in WORK if (run := runs.last(db, kind, ended=True)) is not None]
    jobs = [JobState(run.kind, run.state, run.message, run.ended_at) for run in ended]
    return monitor(settings, database, clock, jobs, progress)


def monitor(settings: Settings, database: Database, clock: Clock, progress: Progress) -> Outcome:
    """Give a verdict on what is served; the outcome is the report."""
    report = monitoring_report(settings, database, clock, progress)
    plain: Outcome = json.loads(TypeAdapter(type(report)).dump_json(report))
    return plain


def alert(
    settings: Settings, database: Database, clock: Clock, progress: Progress, report: Outcome | None = None
) -> Outcome:
    """Ask the users' rules what they find; it is delivered by a job of its own, which may wait for a receiver."""
    from app.monitoring.alerts.evaluate import evaluate

    found = evaluate(settings, database, clock, report)
    progress(1.0, counted(found, "new alert"))
    return {"alerts": found}


def deliver(settings: Settings, database: Database, clock: Clock, progress: Progress) -> Outcome:  # noqa: ARG001 - a Work
    """Send the alerts that are due; a receiver that fails is asked again later, which is no failure of the job."""
    from app.monitoring.alerts.delivery import deliver as deliver_due

    return dict(deliver_due(settings, database, progress))


def cycle(settings: Settings, database: Database, clock: Clock, progress: Progress) -> Outcome:
    """Refresh, score, monitor, review, forecast, alert; a part that fails doesn't keep later ones from what is stored.

    What monitoring finds and the review decides comes first: a session is forecast by one champion.
    """
    outcome: Outcome = {}
    failed: list[str] = []
    for work, start, end in _CYCLE:
        name, told = work.__name__, within(progress, start, end)
        extra = _from_monitor(name, outcome.get("monitor", {}))
        try:
            outcome[name] = work(settings, database, clock, told, **extra)
        except NextcloseError as error:
            outcome[name] = {"error": error.detail, "code": error.code}
            if not isinstance(error, NoChampion):
                failed.append(f"{name}: {error.detail}")
    if failed:
        raise CycleFailed("; ".join(failed), outcome)
    return outcome


def _from_monitor(name: str, monitored: Outcome) -> Outcome:
    """Return what a later step of the cycle is told of the report; there is none where monitoring failed."""
    if name == "review":
        return {"verdict": monitored.get("verdict")}
    return {"report": monitored if "verdict" in monitored else None} if name == "alert" else {}


def first_run(settings: Settings, database: Database, clock: Clock, progress: Progress) -> Outcome:
    """Find prices, train the first champion, forecast; proofs follow, for there is no earlier champion to protect."""
    from app.prices.refresh.first_run import find_prices

    def serve_first(version: str) -> None:
        progress(0.9, f"forecasting by version {version}")
        forecast(settings, database, clock, silent)

    source = find_prices(settings, database, clock, within(progress, 0.0, 0.3))
    trained = train(settings, database, clock, within(progress, 0.3, 0.95), serve_first)
    try:
        return {"source": source, **trained, **forecast(settings, database, clock, within(progress, 0.95, 1.0))}
    except NoChampion:
        raise CheckFailed(f"{trained['winner']} was trained, and isn't served: {trained['reason']}") from None


def _outcome(reports: Sequence[RefreshReport]) -> Outcome:
    return {
        "symbols": len(reports),
        "outcomes": dict(Counter(str(report.outcome) for report in reports)),
        "bars_added": sum(report.added for report in reports),
        "bars_changed": sum(report.changed for report in reports),
    }


_CYCLE: tuple[tuple[Callable[..., Outcome], float, float], ...] = (
    (refresh, 0.0, 0.5),
    (score, 0.5, 0.55),
    (monitor, 0.55, 0.6),
    (review, 0.6, 0.9),
    (forecast, 0.9, 0.98),
    (alert, 0.98, 1.0),
)
"""The steps of a cycle, and which part of its progress each is."""
_ALL = (refresh, train, forecast, score, check, monitor, alias, deliver, prove, cycle, first_run)
WORK: dict[str, Work] = {work.__name__: work for work in _ALL}
