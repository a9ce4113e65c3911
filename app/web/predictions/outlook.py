"""The outlook of many symbols, a line each: how far the next session may go, beside how far it usually goes.

What is known of a next close is its distribution, so a line leads with that; a point forecast is on it only where the
model's verdict claims skill for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from pydantic import Field

from app.core.errors import NextcloseError, NoChampion
from app.core.public import Price
from app.features.frame import WARM
from app.forecasts.ledger.forecast import Forecast
from app.forecasts.prediction.distribution import chance_beyond
from app.forecasts.prediction.situation import EventAhead
from app.prices.store import SymbolStatus
from app.prices.store.write import SAMPLE
from app.registry.versions.card import Score
from app.web.edge.deps import Services
from app.web.predictions.answers import Answers
from app.web.predictions.schemas import Schema
from app.web.predictions.snapshot import Answer

LARGE, LARGER = 0.02, 0.05
"""Moves whose chance is given."""
BAND: Final = 0.8


class Outlook(Schema):
    """One symbol: what is known of its next close; null where there is no forecast, and `problem` says why."""

    symbol: str
    name: str | None = None
    watched: bool
    last_session: date | None = None
    sessions_behind: int | None = None
    last_close: Price | None = None
    target_session: date | None = None
    expected_move: float | None = Field(None, description="Mean absolute simple return under the forecast distribution")
    usual_move: float | None = Field(None, description="Mean absolute simple return of the last 250 sessions")
    move_ratio: float | None = Field(None, description="Expected move over the usual one")
    chance_beyond_2: float | None = Field(None, description="Chance of a move of more than 2 % in either direction")
    chance_beyond_5: float | None = None
    lower_80: Price | None = None
    upper_80: Price | None = None
    event: EventAhead | None = None
    predicted_close: Price | None = Field(None, description="Only where the model's verdict claims point skill")
    predicted_return: float | None = None
    tested_crps_skill: float | None = Field(None, description="Of the symbol in the champion's walk-forward test")
    tested_sessions: int | None = None
    problem: str | None = None

    def flat(self) -> dict[str, Any]:
        """Return it as a row of a table, named as `COLUMNS` are."""
        row = self.model_dump(mode="json", exclude={"event"})
        event = self.event
        row |= {"results_date": event and event.date, "results_timing": event and event.timing}
        return row | {"results_sessions_until": event and event.sessions_until}

    @property
    def expected_price(self) -> float | None:
        """The expected move in units of the price."""
        both = self.expected_move, self.last_close
        return None if both[0] is None or both[1] is None else both[0] * both[1]


COLUMNS: Final = tuple(Outlook(symbol="", watched=False).flat())
"""The columns of a table of outlooks."""


Found = list[Answer | NextcloseError]


def board(services: Services, answers: Answers, statuses: Sequence[SymbolStatus]) -> tuple[list[Outlook], Found]:
    """Return a line per symbol, and its answer or error; what a job makes isn't waited for."""
    found = answer_many(answers, [one.symbol for one in statuses], make=answers.making is None)
    return _lines(services, statuses, found, making=answers.making is True), found


def _lines(services: Services, statuses: Sequence[SymbolStatus], found: Found, *, making: bool) -> list[Outlook]:
    champion = services.champion.current()
    tested = champion.card.metrics.by_symbol if champion else {}
    sampled = any(status.source == SAMPLE for status in statuses)

    def line(status: SymbolStatus, one: Answer | NextcloseError, behind: int | None) -> Outlook:
        score = tested.get(status.symbol)
        if not isinstance(one, Answer):
            return _line(status, behind, score, {"problem": _problem(status, one, sampled, making)})
        grounds = status, one, behind, score
        return services.memo.of(
            ("outlook", status.symbol), grounds, lambda: _line(status, behind, score, _forecast(one))
        )

    return [line(*its) for its in zip(statuses, found, services.all_behind(statuses), strict=True)]


def _line(status: SymbolStatus, behind: int | None, score: Score | None, known: dict[str, Any]) -> Outlook:
    return Outlook(
        symbol=status.symbol,
        name=status.name,
        watched=status.watched,
        last_session=status.last,
        sessions_behind=behind,
        tested_crps_skill=score and score.crps_skill,
        tested_sessions=score and score.n,
        **known,
    )


def answer_many(answers: Answers, symbols: Sequence[str], *, make: bool = True) -> Found:
    """Return an answer or an error for each stored symbol, in order; what isn't ready is made, if so wished."""
    ready = dict(zip(symbols, answers.ready_many(symbols), strict=True))
    missing = [symbol for symbol, one in ready.items() if one is None]
    try:
        made = dict(zip(missing, answers.fill(missing, make=make), strict=True)) if missing else {}
    except NoChampion as error:
        made = dict.fromkeys(missing, error)
    return [ready[symbol] or made[symbol] for symbol in symbols]


def forecast_of(services: Services, answers: Answers, symbol: str) -> Forecast | NextcloseError:
    """Return the forecast that a symbol's answer tells, without making the rest of that where it isn't ready."""
    ready = answers.ready_many([symbol])[0]
    if ready is not None:
        return ready.forecast if isinstance(ready, Answer) else ready
    try:
        return services.forecaster.latest_many([symbol])[0]
    except NoChampion as error:
        return error


def _forecast(answer: Answer) -> dict[str, Any]:
    made, beside = answer.forecast, answer.situation
    band = made.interval(BAND)
    point = made if made.claims_point_skill else None
    return {
        "last_close": made.last_close,
        "target_session": made.target_session,
        "expected_move": beside.expected_move,
        "usual_move": beside.usual_move,
        "move_ratio": beside.expected_move / beside.usual_move if beside.usual_move else None,
        "chance_beyond_2": chance_beyond(made.quantiles, made.last_close, LARGE),
        "chance_beyond_5": chance_beyond(made.quantiles, made.last_close, LARGER),
        "lower_80": band.lower,
        "upper_80": band.upper,
        "event": beside.event,
        "predicted_close": point and point.predicted_close,
        "predicted_return": point and point.predicted_return,
    }


def _problem(status: SymbolStatus, error: NextcloseError, sampled: bool, making: bool) -> str:
    """Say why a symbol has no forecast."""
    if status.bars == 0:
        return "not in the bundled sample" if sampled else status.error or "no prices yet"
    if making and status.bars > WARM:
        return "its forecast is being made"
    return "waiting for the model" if isinstance(error, NoChampion) else error.detail
