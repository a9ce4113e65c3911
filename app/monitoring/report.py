"""The report: what is watched, and the verdict with its reasons, each one sentence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal, get_args

import polars as pl

from app.core.clock import Clock, calendar
from app.core.db import Database
from app.core.progress import Progress, silent
from app.core.public import Instant, counted, day, percent
from app.core.settings import Settings
from app.features import frame
from app.forecasts.ledger.track_record import settled
from app.forecasts.prediction.forecaster import Forecaster
from app.monitoring.drift import MONTH, MONTHS, Drift, drift, importances
from app.monitoring.outcomes import FALSE_ALARMS, Group, Watch, watch
from app.monitoring.turn import RECENT, YEAR, Turn, turn
from app.prices import store
from app.registry.promotion.champion import Champion
from app.registry.versions.model import Model

Verdict = Literal["healthy", "watch", "degraded"]
VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)
"""From good to bad."""

STANDS: Final = 21
"""Sessions for which an alarm stands, if the champion wasn't replaced since."""
WATCHED_FROM: Final = 0.2
"""A detector's value from which on it is worth a look; 1 is an alarm."""
BEHIND_WATCH, BEHIND_DEGRADED = 2, 10
"""Final sessions that the oldest watched prices lack."""
FAILING: Final = 0.2
"""Share of watched symbols whose last refresh failed at the source."""
_SOURCE_FAILED: Final = frozenset({"unreachable", "limited", "malformed"})
_AMONG: Final[dict[Group, str]] = {
    "all": "",
    "calm": " among the calmest third of symbols",
    "middle": " among the middle third of symbols by volatility",
    "wild": " among the wildest third of symbols",
}
_ENDED_BADLY: Final = {"failed": "failed", "lost": "was lost", "timed_out": "took too long"}


@dataclass(frozen=True)
class JobState:
    """How the newest ended run of a kind of job ended."""

    kind: str
    state: str
    message: str
    ended_at: Instant | None


@dataclass(frozen=True)
class DataState:
    """The watchlist's prices: final sessions that the oldest lack, and how many symbols the source failed for."""

    sources: tuple[str, ...]
    watched: int
    sessions_behind: int | None
    failing: int


@dataclass(frozen=True)
class Report:
    """The verdict on what is served now; `false_alarms` is the stated probability of any in a year.

    `rows` counts the live forecasts that are settled: the claims are judged on these alone.
    """

    made_at: Instant
    verdict: Verdict
    reasons: tuple[str, ...]
    champion: str | None
    rows: int
    false_alarms: float
    claims: tuple[Watch, ...]
    turn: Turn | None
    drift: Drift | None
    data: DataState
    jobs: tuple[JobState, ...]


def monitor(
    settings: Settings, database: Database, clock: Clock, jobs: Iterable[JobState] = (), progress: Progress = silent
) -> Report:
    """Look at everything that is watched; reads only."""
    progress(0.0, "watching forecasts")
    model = Champion(settings).current()
    with database.read() as db:
        rows, events, exchanges = settled(db, origins=("live",)), store.events(db), store.exchanges(db)
    claims = watch(rows)
    progress(0.3, "watching features")
    moved, turned = None, None
    if model is not None:
        bars, series = _bars(database, model), store.series(database)
        moved, turned = drift(bars, exchanges, importances(model), events, series), turn(bars)
    data, jobs = _data(database, clock), tuple(jobs)
    expired = Forecaster(settings, database, clock).expired()
    findings = [*_of_champion(model, expired), *_of_claims(claims, rows, model)]
    findings += [*_of_turn(turned), *_of_drift(moved), *_of_data(data), *_of_jobs(jobs)]
    verdict: Verdict = max((found for found, _ in findings), key=VERDICTS.index, default="healthy")
    reasons = tuple(reason for _, reason in sorted(findings, key=lambda one: -VERDICTS.index(one[0])))
    progress(1.0, verdict)
    return Report(
        made_at=clock.now(),
        verdict=verdict,
        reasons=reasons or (_nothing_wrong(claims),),
        champion=None if model is None else model.card.version,
        rows=rows["crps"].count(),
        false_alarms=FALSE_ALARMS,
        claims=claims,
        turn=turned,
        drift=moved,
        data=data,
        jobs=jobs,
    )


Finding = tuple[Verdict, str]


def _nothing_wrong(claims: Iterable[Watch]) -> str:
    sessions = max((claim.sessions for claim in claims), default=0)
    if not sessions:
        return "No live forecast is settled yet, and nothing else stands out."
    return f"Every claim holds over {counted(sessions, 'session')} of live forecasts, and nothing else stands out."


def _of_champion(model: Model | None, expired: tuple[date, int] | None) -> list[Finding]:
    if model is None:
        return [("watch", "No model has been trained yet.")]
    if expired is None:
        return []
    ago = counted(expired[1], "session")
    return [("degraded", f"The champion learnt through {day(expired[0])}, {ago} ago: it has expired.")]


def _of_claims(claims: Iterable[Watch], rows: pl.DataFrame, model: Model | None) -> list[Finding]:
    """Return alarms that stand, and claims that are worth a look; a champion answers for its own sessions only."""
    own = rows.filter(pl.col("crps").is_not_null(), pl.col("model_version") == (model.card.version if model else ""))
    standing = set(own["target_session"].unique().sort()[-STANDS:])
    found: list[Finding] = []
    for claim in claims:
        alarms = [one for one in zip(claim.alarms, claim.alarm_groups, strict=True) if one[0] in standing]
        if alarms:
            called, group = alarms[-1]
            chance = percent(claim.false_alarms, 0)
            rate = f"called on {day(called)}, which happens by chance in {chance} of years at most"
            found.append(("degraded", f"{_told(claim, group)}, {rate}."))
        elif claim.value >= WATCHED_FROM:
            near = f"the detector is at {percent(claim.value, 0)} of an alarm"
            found.append(("watch", f"{_told(claim, claim.group)}, {near}."))
    return found


def _told(claim: Watch, group: Group) -> str:
    """Say of which symbols a claim is in doubt, and its figure of the last month there."""
    part = claim.part(group)
    month = f"{percent(part.recent or 0.0)} over the last month beside {percent(part.allowed, 0)}"
    return f"{claim.name.capitalize()}{_AMONG[group]}: {month}"


def _of_turn(turned: Turn | None) -> list[Finding]:
    if turned is None or not turned.is_wilder:
        return []
    recent, usual = percent(turned.recent), percent(turned.usual)
    figures = f"{recent} a session over the last {RECENT}, {usual} over the {YEAR} before"
    return [("watch", f"The market moves {turned.ratio:.1f} times as much as in the year before: {figures}.")]


def _of_drift(moved: Drift | None) -> list[Finding]:
    if moved is None or not moved.has_moved:
        return []
    figures = f"PSI {moved.psi:.2f}, at most {moved.usual:.2f} in the {MONTHS} months before"
    first = moved.features[0].feature
    return [("watch", f"The features moved further last month than they usually do ({figures}), {first} most.")]


def _of_data(data: DataState) -> list[Finding]:
    found: list[Finding] = []
    if data.sources == ("sample",):
        found.append(("watch", "The prices are the bundled sample, which ends years ago."))
    elif data.sessions_behind is not None and data.sessions_behind >= BEHIND_WATCH:
        worst: Verdict = "degraded" if data.sessions_behind >= BEHIND_DEGRADED else "watch"
        found.append((worst, f"The oldest watched prices lack {counted(data.sessions_behind, 'session')}."))
    if data.watched and data.failing >= FAILING * data.watched:
        watched = counted(data.watched, "watched symbol")
        found.append(("watch", f"The source failed for {data.failing} of {watched} last time."))
    return found


def _of_jobs(jobs: Iterable[JobState]) -> list[Finding]:
    return [
        ("watch", f"The last {job.kind} job {_ENDED_BADLY[job.state]}: {job.message}.")
        for job in jobs
        if job.state in _ENDED_BADLY
    ]


def _data(database: Database, clock: Clock) -> DataState:
    with database.read() as db:
        watched = [one for one in store.statuses(db) if one.watched]
    now = clock.now()
    behind = [calendar(one.exchange).sessions_behind(one.last, now) for one in watched if one.last]
    return DataState(
        sources=tuple(sorted({one.source for one in watched if one.source})),
        watched=len(watched),
        sessions_behind=max(behind, default=None),
        failing=sum(one.outcome in _SOURCE_FAILED for one in watched),
    )


def _bars(database: Database, model: Model) -> pl.DataFrame:
    """Return the champion's own symbols' bars, from early enough for the months compared."""
    with database.read() as db:
        newest = max((bar.session for bar in store.last_bars(db, model.card.symbols).values()), default=None)
    sessions = frame.MAX_WINDOW + MONTH * (MONTHS + 1)
    start = newest - timedelta(days=round(sessions * 365.25 / 250) + 30) if newest else None
    return store.panel(database, model.card.symbols, start=start)
