"""What the chart of a stock shows: what a reader chose to see of it, the figure, and the same as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import quote, urlencode

from markupsafe import Markup, escape

from app.features.overlay import lines, reach
from app.forecasts.ledger.forecast import Forecast
from app.web.edge import formats
from app.web.figures import charts, drawing
from app.web.figures.indicators import DEFAULT, INDICATORS, Column, Columns, Indicator, columns
from app.web.views import results

RANGES: Final[dict[str, int | None]] = {"1M": 21, "3M": 63, "6M": 126, "1Y": 252, "5Y": 1260, "All": None}
"""How many sessions each range shows."""
BANDED: Final = {"1M", "3M", "6M"}
"""Ranges short enough that each session's band can be seen."""
NOTHING: Final = "none"
LISTED: Final = 21
"""Sessions in the table below a chart: a month."""
A_PAGE: Final = 252
"""Sessions on a page of their numbers: a year."""
_MOST_POINTS: Final = 400
_NEXT_CELL: Final = '</td><td class="n">'


@dataclass(frozen=True)
class Choice:
    """What a reader chose to see: a range, and indicators by their keys."""

    range: str = "6M"
    keys: tuple[str, ...] = DEFAULT

    @classmethod
    def read(cls, wanted: str, show: str | None) -> Choice:
        """Read it from an address; a name that isn't known is passed over, so that an old address still opens."""
        named = DEFAULT if show is None else show.split(",")
        return cls(wanted, tuple(one.key for one in INDICATORS if one.key in named))

    @property
    def shown(self) -> tuple[Indicator, ...]:
        """The indicators."""
        return tuple(one for one in INDICATORS if one.key in self.keys)

    @property
    def columns(self) -> list[Column]:
        """Their columns."""
        return columns(self.shown)

    @property
    def size(self) -> int | None:
        """How many sessions are drawn; None for all."""
        return RANGES[self.range]

    @property
    def reads(self) -> int | None:
        """How many sessions must be read, so that each indicator is what the whole history makes it."""
        return None if self.size is None else self.size + self.reach

    @property
    def reach(self) -> int:
        """How many sessions before the first one its indicators depend on."""
        return reach(name for name, _, _ in self.columns)

    @property
    def is_banded(self) -> bool:
        """Whether past forecasts' bands are drawn."""
        return self.range in BANDED

    @property
    def show(self) -> str | None:
        """The indicators as an address names them; None for those that nobody chose."""
        return None if self.keys == DEFAULT else ",".join(self.keys) or NOTHING

    def within(self, wanted: str) -> Choice:
        """Return the choice with another range."""
        return replace(self, range=wanted)

    def toggled(self, key: str) -> Choice:
        """Return the choice with one indicator more, or less."""
        return replace(self, keys=tuple(one.key for one in INDICATORS if (one.key in self.keys) != (one.key == key)))

    def address(self, symbol: str) -> str:
        """Return the page's address that shows this."""
        shown = {} if self.show is None else {"show": self.show}
        return f"/stocks/{quote(symbol)}?{urlencode({'range': self.range, **shown}, safe=',')}"

    def numbers_address(self, symbol: str, offset: int = 0) -> str:
        """Return the address of the page that lists each session with these indicators, after so many newer ones."""
        asked = ({"show": self.show} if self.show else {}) | ({"offset": offset} if offset else {})
        return f"/stocks/{quote(symbol)}/numbers{'?' if asked else ''}{urlencode(asked, safe=',')}"


@dataclass(frozen=True)
class Numbers:
    """A table of sessions, newest first: each one's bar, its indicators, and the results that it first traded."""

    columns: Sequence[Column]
    rows: Markup = field(repr=False)
    listed: int
    """How many they are."""
    has_results: bool


@dataclass(frozen=True)
class Chart:
    """The figure for plotly.js, a drawing that needs no script, and the newest numbers.

    `offered` are the indicators that can be drawn here: an index has no volume.
    """

    chosen: Choice
    offered: tuple[Indicator, ...]
    figure: dict[str, Any]
    spark: drawing.Spark
    numbers: Numbers
    close: float
    change: float | None
    """The newest close, and its return where there is one before."""
    has_results: bool
    missed: tuple[int, int] | None
    """How many of the sessions that were forecast closed outside their 80 % band, and of how many."""
    sessions: int
    weekly: bool
    low: float
    high: float

    @property
    def panes(self) -> int:
        """How many panes stand below the candles."""
        return sum(one.is_pane and one in self.offered for one in self.chosen.shown)


def chart(
    bars: Columns,
    chosen: Choice,
    forecast: Forecast | None,
    past: Sequence[results.Results] = (),
    bands: Sequence[charts.PastBand] = (),
) -> Chart:
    """Build the chart from bars that begin early enough for its indicators, and the past results."""
    has_volume = any(bars["volume"])
    values = _cut(_with_indicators(bars, chosen), chosen.size)
    candles = charts.candles(values)
    marks = results.at_candles(past, candles)
    close, *before = values["close"][:-3:-1]
    offered = tuple(one for one in INDICATORS if one.key != "volume" or has_volume)
    shown = [one for one in chosen.shown if one in offered]
    return Chart(
        chosen=chosen,
        offered=offered,
        figure=charts.stock(candles, shown, forecast, marks, bands),
        spark=_spark(values, shown, forecast),
        numbers=_numbers(_cut(values, LISTED), chosen, past),
        close=close,
        change=close / before[0] - 1 if before else None,
        has_results=bool(marks),
        missed=(sum(not one.held for one in bands), len(bands)) if bands else None,
        sessions=len(values["session"]),
        weekly=candles is not values,
        low=min(values["low"]),
        high=max(values["high"]),
    )


def page_of(bars: Columns, chosen: Choice, past: Sequence[results.Results], offset: int) -> Numbers:
    """Return a page of the sessions of bars that begin early enough, after the `offset` newest ones."""
    until = max(len(bars["session"]) - offset, 0)
    older = {name: column[:until] for name, column in _with_indicators(bars, chosen).items()}
    return _numbers(_cut(older, A_PAGE), chosen, past)


def _with_indicators(bars: Columns, chosen: Choice) -> Columns:
    return {**bars, **lines(bars, [name for name, _, _ in chosen.columns])}


def _cut(values: Columns, last: int | None) -> Columns:
    """Return the newest of each column's values."""
    return {name: column[-last:] for name, column in values.items()} if last else values


def _numbers(values: Columns, chosen: Choice, past: Sequence[results.Results]) -> Numbers:
    """Write the rows here, for a template looks up and escapes each cell."""
    newest, shown = {name: column[::-1] for name, column in values.items()}, chosen.columns
    prices = [map(formats.price, newest[name]) for name in ("open", "high", "low", "close")]
    digits = [[at if close >= 1 else 4 for close in newest["close"]] for _, _, at in shown]
    drawn = [map(formats.ratio, newest[name], at) for (name, _, _), at in zip(shown, digits, strict=True)]
    cells = zip(*prices, map(formats.whole, newest["volume"]), *drawn, strict=True)
    sessions = dict.fromkeys(newest["session"])
    told = {one.session: f"<td>{escape(one.text)}</td>" for one in past if one.session in sessions}
    nothing = "<td></td>" if told else ""
    rows = (
        f'<tr><th scope="row">{formats.day(session)}</th><td class="n">{_NEXT_CELL.join(texts)}</td>'
        f"{told.get(session, nothing)}</tr>\n"
        for session, texts in zip(sessions, cells, strict=True)
    )
    text = Markup("".join(rows))  # noqa: S704 - days and numbers, and texts that are escaped
    return Numbers(shown, text, listed=len(sessions), has_results=bool(told))


def _spark(values: Columns, shown: Sequence[Indicator], forecast: Forecast | None) -> drawing.Spark:
    """Draw closes and what lies over them; every n-th, from the newest, so that it has no more points than pixels."""
    sessions = len(values["close"])
    step = -(-sessions // _MOST_POINTS) or 1
    thinned = slice((sessions - 1) % step, None, step)
    over = [(one.token, values[name][thinned]) for one in shown if not one.is_pane for name, _, _ in one.columns]
    return drawing.spark(values["close"][thinned], forecast, over)
