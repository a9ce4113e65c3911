"""Evaluate: ask every rule what it finds now; what it found before is not told again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlmodel import Session, col, select, update
from ulid import ULID

from app.core.clock import Clock, calendar
from app.core.db import Database
from app.core.public import counted, day, percent
from app.core.settings import Settings
from app.forecasts.ledger.forecast import Forecast, Score
from app.forecasts.ledger.tables import ForecastRow, ScoreRow
from app.forecasts.prediction.forecaster import Forecaster
from app.forecasts.prediction.situation import Situation
from app.monitoring.alerts import outbox, rules
from app.monitoring.alerts.tables import Alert, Rule, RuleRow
from app.monitoring.report import VERDICTS
from app.prices import store
from app.prices.store import SymbolStatus

LOOKED_BACK: Final = timedelta(days=10)
"""How far back closes are looked at: a cycle that was missed is made up for."""


@dataclass(frozen=True)
class Found:
    """Something that a rule found; `key` names the state, for which it is told once."""

    key: str
    text: str
    symbol: str | None = None
    session: date | None = None


@dataclass(frozen=True)
class Facts:
    """What rules look at; `report` is the newest one as JSON, None where there is none."""

    report: Mapping[str, Any] | None
    now: datetime
    watched: Sequence[SymbolStatus]
    outlooks: Sequence[tuple[Forecast, Situation]]
    closes: Sequence[tuple[Forecast, Score]]


def evaluate(settings: Settings, database: Database, clock: Clock, report: Mapping[str, Any] | None) -> int:
    """Put what the rules find into the outbox; return how many alerts are new."""
    with database.read() as db:
        wanted = rules.stored(db)
    if not wanted:
        return 0
    facts = _facts(settings, database, clock, report)
    with database.write() as db:
        seen = dict(db.exec(select(RuleRow.id, RuleRow.state)).all())
        alerts = [_alert(rule, one, facts.now) for rule in wanted for one in _found(rule, facts, seen.get(rule.id))]
        if report is not None:
            db.connection().execute(
                update(RuleRow).where(col(RuleRow.kind) == "verdict").values(state=report["verdict"])
            )
        return outbox.put(db, settings, alerts)


def _facts(settings: Settings, database: Database, clock: Clock, report: Mapping[str, Any] | None) -> Facts:
    forecaster = Forecaster(settings, database, clock)
    now = clock.now()
    with database.read() as db:
        watched = [one for one in store.statuses(db) if one.watched]
        closes = list(_closes(db, [one.symbol for one in watched], now))
    forecasts = forecaster.stored_many([one.symbol for one in watched])
    return Facts(report, now, watched, list(zip(forecasts, forecaster.situations(forecasts), strict=True)), closes)


def _closes(db: Session, symbols: Sequence[str], now: datetime) -> Iterator[tuple[Forecast, Score]]:
    """Yield the live forecasts whose close arrived lately, with what they came to."""
    query = select(ForecastRow, ScoreRow).join(ScoreRow, col(ScoreRow.forecast_id) == ForecastRow.id)
    query = query.where(ForecastRow.origin == "live", ScoreRow.revision == 0, col(ForecastRow.symbol).in_(symbols))
    lately = query.where(col(ForecastRow.target_session) >= (now - LOOKED_BACK).date())
    for forecast, score in db.exec(lately.order_by(col(ForecastRow.seq))):
        yield Forecast.model_validate(forecast), Score.model_validate(score)


def _alert(rule: Rule, found: Found, now: datetime) -> tuple[Alert, str]:
    made = Alert(
        id=str(ULID()),
        rule_id=rule.id,
        kind=rule.kind,
        symbol=found.symbol,
        session=found.session,
        title=f"Nextclose: {found.symbol or rule.kind}",
        text=found.text,
        created_at=now,
    )
    return made, found.key


def _found(rule: Rule, facts: Facts, seen: str | None) -> Iterable[Found]:
    if rule.kind == "verdict":
        return _verdict(rule, facts, seen)
    return (one for one in _BY_SYMBOL[rule.kind](rule, facts) if rule.symbol in {None, one.symbol})


def _verdict(rule: Rule, facts: Facts, seen: str | None) -> Iterator[Found]:
    """Tell a verdict that differs from the one before; the first one that a rule sees has changed from nothing."""
    if facts.report is None or facts.report["verdict"] == seen:
        return
    verdict = facts.report["verdict"]
    is_bad = rule.level in VERDICTS and VERDICTS.index(verdict) >= VERDICTS.index(rule.level)
    if is_bad or (rule.level == "any" and seen is not None):
        was = f", it was {seen}" if seen else ""
        reasons = " ".join(facts.report["reasons"])
        yield Found(f"{verdict} {facts.report['made_at']}", f"The verdict is {verdict}{was}. {reasons}")


def _stale(rule: Rule, facts: Facts) -> Iterator[Found]:
    for one in facts.watched:
        behind = calendar(one.exchange).sessions_behind(one.last, facts.now) if one.last else 0
        if one.last and behind >= (rule.threshold or 0.0):
            text = f"Prices of {one.symbol} end on {day(one.last)} and lack {counted(behind, 'session')}."
            yield Found(f"{one.symbol} {one.last}", text, one.symbol, one.last)


def _band(rule: Rule, facts: Facts) -> Iterator[Found]:
    level = rule.threshold or 0.0
    for one, score in facts.closes:
        band = one.interval(level)
        if not band.lower <= score.realised_close <= band.upper:
            side = "above" if score.realised_close > band.upper else "below"
            edges = f"{percent(level, 0)} band, {band.lower:,.2f} to {band.upper:,.2f}"
            when = day(one.target_session)
            text = f"{one.symbol} closed at {score.realised_close:,.2f} on {when}, {side} its {edges}."
            yield Found(f"{one.symbol} {one.target_session}", text, one.symbol, one.target_session)


def _results(_: Rule, facts: Facts) -> Iterator[Found]:
    """Results are told the evening before the day itself, or before the session that first trades them."""
    for one, beside in facts.outlooks:
        event = beside.event
        if event is not None and (event.date == one.target_session or event.sessions_until == 1):
            when = {"amc": ", after the close", "bmo": ", before the open"}.get(event.timing, "")
            following = day(one.target_session)
            text = f"{one.symbol} has results on {day(event.date)}{when}; the next session is {following}."
            yield Found(f"{one.symbol} {event.date}", text, one.symbol, one.target_session)


def _move(rule: Rule, facts: Facts) -> Iterator[Found]:
    for one, beside in facts.outlooks:
        if beside.expected_move > (rule.threshold or 0.0):
            usual = f", usually {percent(beside.usual_move)}" if beside.usual_move else ""
            when = day(one.target_session)
            text = f"{one.symbol} is expected to move by {percent(beside.expected_move)} on {when}{usual}."
            yield Found(f"{one.symbol} {one.target_session}", text, one.symbol, one.target_session)


_BY_SYMBOL: Final[Mapping[str, Callable[[Rule, Facts], Iterator[Found]]]] = {
    "stale": _stale,
    "band": _band,
    "results": _results,
    "move": _move,
}
