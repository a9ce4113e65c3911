"""What a stock's page shows: chart, forecast, record, numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from app.core.clock import calendar
from app.core.errors import NextcloseError, UnknownSymbol
from app.features.overlay import overlay
from app.forecasts.ledger.forecast import Forecast, Freshness
from app.forecasts.ledger.track_record import TrackRecord, settled, summed
from app.forecasts.prediction.distribution import chance_above, chance_beyond
from app.forecasts.prediction.situation import Situation
from app.prices import store
from app.prices.store import SymbolStatus
from app.prices.symbols import is_series
from app.registry.versions.card import ModelCard, Score
from app.web.edge.deps import Services
from app.web.edge.lookups import look_up
from app.web.figures import charts, drawing
from app.web.views import results
from app.web.views.bands import past_bands

RANGES: dict[str, int | None] = {"1M": 21, "3M": 63, "6M": 126, "1Y": 252, "5Y": 1260, "All": None}
"""How many sessions each range shows."""
BANDED = {"1M", "3M", "6M"}
"""Ranges short enough that each session's band can be seen."""
AVERAGES = {"SMA 20": "sma_20", "SMA 50": "sma_50"}
WARM_UP = 50
TABLE_ROWS = 260


@dataclass(frozen=True)
class Chart:
    """The chart of one range: the figure for plotly.js, a drawing that needs no script, and the numbers."""

    range: str
    figure: dict[str, Any]
    spark: drawing.Spark
    rows: list[dict[str, Any]] = field(repr=False)
    """The newest sessions first, with the moving averages and, where results were first traded, their text."""
    has_results: bool
    missed: tuple[int, int] | None
    """How many of the sessions that were forecast closed outside their 80 % band, and of how many."""
    sessions: int
    weekly: bool
    low: float
    high: float


@dataclass(frozen=True)
class Stock:
    """The whole page."""

    status: SymbolStatus
    chart: Chart | None
    forecast: Forecast | None
    freshness: Freshness | None
    situation: Situation | None
    dots: drawing.DotPlot | None
    problem: NextcloseError | None
    record: TrackRecord
    card: ModelCard | None
    tested: Score | None
    above: float | None
    """A price that a reader asks the chance of."""

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


def stock(services: Services, symbol: str, wanted: str, above: float | None = None) -> Stock:
    """Read the page's facts; an unknown symbol is looked up at the source first, a missing forecast is a region."""
    status = _status(services, symbol)
    size = RANGES[wanted]
    with services.database.read() as db:
        bars = store.history(db, symbol, last=None if size is None else size + WARM_UP)
        days = store.earnings_days(db, [symbol])
        bands = past_bands(db, symbol, bars.tail(size or bars.height)) if wanted in BANDED else None
        every = settled(db, symbol)
    record = summed(every)
    if not record.n and record.replay:
        record = summed(every, "replay")
    forecast, problem = (None, None) if is_series(symbol) else _forecast(services, symbol)
    past = results.past(days, calendar(status.exchange))
    champion = services.champion.current()
    card = champion.card if champion else None
    return Stock(
        status=status,
        chart=chart(bars, wanted, forecast, past, bands) if bars.height else None,
        forecast=forecast,
        freshness=services.forecaster.freshness(forecast) if forecast else None,
        situation=services.forecaster.situations([forecast])[0] if forecast else None,
        dots=drawing.dot_plot(forecast) if forecast else None,
        problem=problem,
        record=record,
        card=card,
        tested=card.metrics.by_symbol.get(symbol) if card else None,
        above=above,
    )


def _status(services: Services, symbol: str) -> SymbolStatus:
    try:
        with services.database.read() as db:
            return store.status(db, symbol)
    except UnknownSymbol:
        return look_up(services, symbol)


def _forecast(services: Services, symbol: str) -> tuple[Forecast | None, NextcloseError | None]:
    try:
        return services.forecaster.latest(symbol), None
    except NextcloseError as error:
        return None, error


def chart(
    bars: pl.DataFrame,
    wanted: str,
    forecast: Forecast | None,
    past: Sequence[results.Results] = (),
    bands: pl.DataFrame | None = None,
) -> Chart:
    """Build the chart of one range from bars that begin early enough for the averages, and the past results."""
    size = RANGES[wanted] or bars.height
    drawn = overlay(bars).select("session", *AVERAGES.values())
    whole = bars.join(drawn, on="session", how="left", maintain_order="left").tail(size)
    candles = charts.candles(whole.select(bars.columns))
    at_candles = candles.select("session").join(drawn, on="session", how="left", maintain_order="left")
    averages = {title: at_candles[name] for title, name in AVERAGES.items()}
    marks = results.at_candles(past, candles)
    texts = {one.session: one.text for one in past}
    newest = whole.tail(TABLE_ROWS).reverse()
    return Chart(
        range=wanted,
        figure=charts.stock(candles, averages, forecast, marks, bands),
        spark=drawing.spark(list(_thinned(whole["close"].to_list())), forecast),
        rows=[{**row, "results": texts.get(row["session"])} for row in newest.iter_rows(named=True)],
        has_results=not marks.is_empty(),
        missed=(int((~bands["held"]).sum()), bands.height) if bands is not None and bands.height else None,
        sessions=whole.height,
        weekly=candles.height < whole.height,
        low=float(whole["low"].min()),  # type: ignore[arg-type]  # polars can't know that the column is numeric
        high=float(whole["high"].max()),  # type: ignore[arg-type]
    )


def _thinned(closes: list[float], most: int = 400) -> Iterable[float]:
    """Keep every n-th close, counted from the newest, so that a drawing has no more points than pixels."""
    step = -(-len(closes) // most) if closes else 1
    return reversed(closes[::-1][::step])
