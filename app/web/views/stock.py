"""What a stock's page shows: chart, forecast, record, numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from sqlmodel import Session

from app.core.clock import calendar
from app.core.errors import NextcloseError, UnknownSymbol
from app.forecasts.ledger.forecast import Forecast, Freshness
from app.forecasts.ledger.track_record import TrackRecord, settled, state, summed
from app.forecasts.prediction.distribution import chance_above, chance_beyond
from app.forecasts.prediction.situation import Situation
from app.prices import store
from app.prices.store import SymbolStatus
from app.prices.symbols import is_series
from app.registry.versions.card import ModelCard, Score
from app.web.edge import render
from app.web.edge.deps import Services
from app.web.edge.lookups import look_up
from app.web.figures import drawing
from app.web.predictions.answers import Answers
from app.web.predictions.outlook import answer_many, forecast_of
from app.web.predictions.snapshot import Answer
from app.web.views import results
from app.web.views.bands import past_bands
from app.web.views.chart import A_PAGE, RANGES, Chart, Choice, Numbers, chart, page_of


@dataclass(frozen=True)
class Stock:
    """The whole page; what stands in one region is worked out when that region is printed."""

    services: Services
    answers: Answers
    status: SymbolStatus
    chosen: Choice
    above: float | None
    """A price that a reader asks the chance of."""
    region: str | None
    """The only region that is asked for."""

    @cached_property
    def chart(self) -> Chart | None:
        """The chart, with past forecasts behind it, while nothing of it changes; None without prices."""
        # What the snapshot numbers is read after it: a change in between moves the number, and it is read again.
        now = self.answers.snapshot()
        with self.services.database.read() as db:
            past = state(db) if self.chosen.is_banded else None
            grounds = now.versions.get(self.status.symbol), self.status, self.forecast, past
            name = "chart", self.status.symbol, self.chosen
            return self.services.drawn.of(name, grounds, lambda: self._chart(db))

    def _chart(self, db: Session) -> Chart | None:
        symbol, chosen = self.status.symbol, self.chosen
        bars = store.bar_columns(db, symbol, chosen.reads)
        if not bars["session"]:
            return None
        drawn = slice(-(chosen.size or 0), None)
        closes = dict(zip(bars["session"][drawn], bars["close"][drawn], strict=True))
        bands = past_bands(db, symbol, closes) if chosen.is_banded else ()
        return chart(bars, chosen, self.forecast, _past_results(db, self.status), bands)

    @property
    def chart_region(self) -> str:
        """The chart's region, as it is printed."""
        grounds = (self.chart, self.status.bars) if self.chart else self.status
        name = "drawing", self.status.symbol, self.chosen
        return self.services.drawn.of(name, grounds, lambda: render.macro("chart", "chart")(self, RANGES))

    @cached_property
    def _answer(self) -> Answer | NextcloseError | None:
        return None if self.is_series else answer_many(self.answers, [self.status.symbol])[0]

    @cached_property
    def forecast(self) -> Forecast | None:
        """The forecast; None where there is none, which is a state of its region.

        A chart alone needs no more of the answer than this.
        """
        if self.region == "chart" and not self.is_series:
            found = forecast_of(self.services, self.answers, self.status.symbol)
            return found if isinstance(found, Forecast) else None
        return self._answer.forecast if isinstance(self._answer, Answer) else None

    @property
    def problem(self) -> NextcloseError | None:
        """Why there is no forecast."""
        return self._answer if isinstance(self._answer, NextcloseError) else None

    @cached_property
    def freshness(self) -> Freshness | None:
        """How old the forecast's prices are."""
        return self.services.forecaster.freshness(self.forecast) if self.forecast else None

    @property
    def situation(self) -> Situation | None:
        """What stands beside the forecast."""
        return self._answer.situation if isinstance(self._answer, Answer) else None

    @cached_property
    def dots(self) -> drawing.DotPlot | None:
        """The forecast as twenty dots."""
        return drawing.dot_plot(self.forecast) if self.forecast else None

    @cached_property
    def record(self) -> TrackRecord:
        """How its forecasts came out: the live ones, or as long as none is settled those replayed."""
        symbol = self.status.symbol
        with self.services.database.read() as db:
            return self.services.memo.of(("record", symbol), state(db), lambda: _record(db, symbol))

    @cached_property
    def card(self) -> ModelCard | None:
        """The champion's card."""
        champion = self.services.champion.current()
        return champion.card if champion else None

    @property
    def tested(self) -> Score | None:
        """The champion's score on this symbol before it served."""
        return self.card.metrics.by_symbol.get(self.status.symbol) if self.card else None

    @property
    def chance(self) -> float | None:
        """The probability of a close above `above`."""
        return chance_above(self.forecast.quantiles, self.above) if self.forecast and self.above else None

    @property
    def beyond(self) -> tuple[float, ...]:
        """The chances of moves of more than 2 and 5 %, in either direction."""
        made = self.forecast
        return tuple(chance_beyond(made.quantiles, made.last_close, move) for move in (0.02, 0.05)) if made else ()

    @property
    def move_ratio(self) -> float | None:
        """The expected move over the usual one."""
        beside = self.situation
        return beside.expected_move / beside.usual_move if beside and beside.usual_move else None

    @property
    def is_series(self) -> bool:
        """Whether this is a market series, which is charted and never forecast."""
        return is_series(self.status.symbol)

    @property
    def results_ahead(self) -> str | None:
        """When the next results come; None where no day is known."""
        if self.forecast is None or self.situation is None or self.situation.event is None:
            return None
        return results.ahead(self.situation.event, self.forecast.as_of)

    @property
    def lacked(self) -> str:
        """What the forecast was made without."""
        return results.lacked(self.situation.missing_inputs) if self.situation else ""


def stock(
    services: Services,
    answers: Answers,
    symbol: str,
    chosen: Choice,
    above: float | None = None,
    region: str | None = None,
) -> Stock:
    """Return the page of a symbol; an unknown one is looked up at the source first."""
    return Stock(services, answers, _status(services, symbol), chosen, above, region)


def numbers(services: Services, symbol: str, chosen: Choice, offset: int) -> tuple[SymbolStatus, Numbers]:
    """Return what is known of a symbol, and a page of its sessions after the `offset` newest ones."""
    status = _status(services, symbol)
    with services.database.read() as db:
        bars = store.bar_columns(db, symbol, offset + A_PAGE + chosen.reach)
        return status, page_of(bars, chosen, _past_results(db, status), offset)


def _past_results(db: Session, status: SymbolStatus) -> list[results.Results]:
    return results.past(store.earnings_days(db, [status.symbol]), calendar(status.exchange))


def _record(db: Session, symbol: str) -> TrackRecord:
    every = settled(db, symbol)
    live = summed(every)
    return summed(every, "replay") if live.replay and not live.n else live


def _status(services: Services, symbol: str) -> SymbolStatus:
    try:
        with services.database.read() as db:
            return store.status(db, symbol)
    except UnknownSymbol:
        return look_up(services, symbol)
