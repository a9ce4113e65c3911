"""What the chart of a stock shows: what a reader chose to see of it, the figure, and the same as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import quote, urlencode

import polars as pl
from markupsafe import Markup, escape

from app.features.overlay import overlay, reach
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
TABLE_ROWS: Final = 260
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
        return None if self.size is None else self.size + reach(name for name, _, _ in self.columns)

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


@dataclass(frozen=True)
class Chart:
    """The figure for plotly.js, a drawing that needs no script, and the numbers.

    `offered` are the indicators that can be drawn here: an index has no volume.
    """

    chosen: Choice
    offered: tuple[Indicator, ...]
    figure: dict[str, Any]
    spark: drawing.Spark
    rows: Markup = field(repr=False)
    """The rows of the table of the newest sessions."""
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
    def listed(self) -> int:
        """How many sessions the table has."""
        return min(self.sessions, TABLE_ROWS)

    @property
    def panes(self) -> int:
        """How many panes stand below the candles."""
        return sum(one.is_pane and one in self.offered for one in self.chosen.shown)


def chart(
    bars: pl.DataFrame,
    chosen: Choice,
    forecast: Forecast | None,
    past: Sequence[results.Results] = (),
    bands: Sequence[charts.PastBand] = (),
) -> Chart:
    """Build the chart from bars that begin early enough for its indicators, and the past results."""
    has_volume = bool(bars["volume"].sum())
    listed = chosen.columns
    drawn = overlay(bars, [name for name, _, _ in listed]).drop("symbol", "session")
    whole = bars.hstack(drawn).tail(chosen.size or bars.height)
    candles, values = charts.candles(whole), whole.to_dict(as_series=False)
    marks = results.at_candles(past, candles)
    close, *before = values["close"][:-3:-1]
    offered = tuple(one for one in INDICATORS if one.key != "volume" or has_volume)
    shown = [one for one in chosen.shown if one in offered]
    return Chart(
        chosen=chosen,
        offered=offered,
        figure=charts.stock(candles, shown, forecast, marks, bands),
        spark=_spark(values, shown, forecast),
        rows=_rows(values, listed, past if marks else None),
        close=close,
        change=close / before[0] - 1 if before else None,
        has_results=bool(marks),
        missed=(sum(not one.held for one in bands), len(bands)) if bands else None,
        sessions=whole.height,
        weekly=candles.height < whole.height,
        low=min(values["low"]),
        high=max(values["high"]),
    )


def _rows(values: Columns, shown: Sequence[Column], past: Sequence[results.Results] | None) -> Markup:
    """Write the newest sessions, newest first, and in a last cell the results that were first traded, if any were.

    Written here, for a template looks up and escapes each cell.
    """
    newest = {name: column[-TABLE_ROWS:][::-1] for name, column in values.items()}
    prices = [map(formats.price, newest[name]) for name in ("open", "high", "low", "close")]
    digits = [[at if close >= 1 else 4 for close in newest["close"]] for _, _, at in shown]
    drawn = [map(formats.ratio, newest[name], at) for (name, _, _), at in zip(shown, digits, strict=True)]
    cells = zip(*prices, map(formats.whole, newest["volume"]), *drawn, strict=True)
    told = {one.session: f"<td>{escape(one.text)}</td>" for one in past or ()}
    nothing = "" if past is None else "<td></td>"
    rows = (
        f'<tr><th scope="row">{formats.day(session)}</th><td class="n">{_NEXT_CELL.join(texts)}</td>'
        f"{told.get(session, nothing)}</tr>\n"
        for session, texts in zip(newest["session"], cells, strict=True)
    )
    return Markup("".join(rows))  # noqa: S704 - days and numbers, and texts that are escaped


def _spark(values: Columns, shown: Sequence[Indicator], forecast: Forecast | None) -> drawing.Spark:
    """Draw closes and what lies over them; every n-th, from the newest, so that it has no more points than pixels."""
    sessions = len(values["close"])
    step = -(-sessions // _MOST_POINTS) or 1
    thinned = slice((sessions - 1) % step, None, step)
    over = [(one.token, values[name][thinned]) for one in shown if not one.is_pane for name, _, _ in one.columns]
    return drawing.spark(values["close"][thinned], forecast, over)
