"""What the chart of a stock shows: what a reader chose to see of it, the figure, and the same as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final
from urllib.parse import quote, urlencode

import polars as pl

from app.features.overlay import overlay, reach
from app.forecasts.ledger.forecast import Forecast
from app.web.edge import formats
from app.web.figures import charts, drawing
from app.web.figures.indicators import DEFAULT, INDICATORS, Column, Indicator, columns
from app.web.views import results

RANGES: Final[dict[str, int | None]] = {"1M": 21, "3M": 63, "6M": 126, "1Y": 252, "5Y": 1260, "All": None}
"""How many sessions each range shows."""
BANDED: Final = {"1M", "3M", "6M"}
"""Ranges short enough that each session's band can be seen."""
NOTHING: Final = "none"
TABLE_ROWS: Final = 260
_MOST_POINTS: Final = 400


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
    rows: list[tuple[str, list[str], str]] = field(repr=False)
    """The newest sessions first, as they read: the day, its numbers, and of results that were first traded the text."""
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
    bars: pl.DataFrame,
    chosen: Choice,
    forecast: Forecast | None,
    past: Sequence[results.Results] = (),
    bands: pl.DataFrame | None = None,
) -> Chart:
    """Build the chart from bars that begin early enough for its indicators, and the past results."""
    has_volume = bool(bars["volume"].sum())
    listed = chosen.columns
    drawn = overlay(bars, [name for name, _, _ in listed]).drop("symbol")
    whole = bars.join(drawn, on="session", how="left", maintain_order="left").tail(chosen.size or bars.height)
    candles = charts.candles(whole.select(bars.columns))
    marks = results.at_candles(past, candles)
    texts = {one.session: one.text for one in past}
    newest = whole.tail(TABLE_ROWS)
    close, *before = newest["close"].to_list()[:-3:-1]
    offered = tuple(one for one in INDICATORS if has_volume or one.key != "volume")
    shown = [one for one in chosen.shown if one in offered]
    return Chart(
        chosen=chosen,
        offered=offered,
        figure=charts.stock(_with(candles, drawn), shown, forecast, marks, bands),
        spark=_spark(whole, shown, forecast),
        rows=[_row(row, listed, texts) for row in reversed(newest.to_dicts())],
        close=close,
        change=close / before[0] - 1 if before else None,
        has_results=not marks.is_empty(),
        missed=(int((~bands["held"]).sum()), bands.height) if bands is not None and bands.height else None,
        sessions=whole.height,
        weekly=candles.height < whole.height,
        low=float(whole["low"].min()),  # type: ignore[arg-type]  # polars can't know that the column is numeric
        high=float(whole["high"].max()),  # type: ignore[arg-type]
    )


def _row(row: dict[str, Any], shown: Sequence[Column], results: dict[date, str]) -> tuple[str, list[str], str]:
    """Write a session's numbers; one by one in the template they take thrice as long."""
    texts = [formats.price(row[name]) for name in ("open", "high", "low", "close")]
    texts.append(formats.whole(row["volume"]))
    texts += [formats.ratio(row[name], digits if row["close"] >= 1 else 4) for name, _, digits in shown]
    return formats.day(row["session"]), texts, results.get(row["session"], "")


def _with(candles: pl.DataFrame, drawn: pl.DataFrame) -> pl.DataFrame:
    """Return candles with the indicators of the session that each one ends with."""
    return candles.join(drawn, on="session", how="left", maintain_order="left")


def _spark(whole: pl.DataFrame, shown: Sequence[Indicator], forecast: Forecast | None) -> drawing.Spark:
    """Draw closes and what lies over them; every n-th, from the newest, so that it has no more points than pixels."""
    step = -(-whole.height // _MOST_POINTS) or 1
    thinned = whole.reverse().gather_every(step).reverse()
    over = [(one.token, thinned[name].to_list()) for one in shown if not one.is_pane for name, _, _ in one.columns]
    return drawing.spark(thinned["close"].to_list(), forecast, over)
