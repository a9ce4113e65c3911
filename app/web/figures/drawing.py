"""Small drawings that need no script: geometry for inline SVG, in the units of each one's view box."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import floor

from app.forecasts.ledger.forecast import Forecast
from app.forecasts.prediction.distribution import close_at

STRIP_WIDTH = 168.0
DOTS_WIDTH, DOTS_HEIGHT = 320.0, 112.0
SPARK_WIDTH, SPARK_HEIGHT = 800.0, 320.0
DOTS = 20
_MARGIN = 4.0
_BINS = 13


@dataclass(frozen=True)
class Axis:
    """Maps values of [low, high] onto [start, end]; what lies outside is drawn at the edge."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return where a value is drawn, to a tenth."""
        return self.beyond(min(max(value, self.low), self.high))

    def beyond(self, value: float) -> float:
        """Return the same without an edge: what lies outside is cut off by the drawing's own."""
        return round(self.all([value])[0], 1)

    def all(self, values: Iterable[float]) -> list[float]:
        """Return where values are drawn, without an edge and not rounded."""
        width, room = self.high - self.low, self.end - self.start
        return [self.start + ((value - self.low) / width if width else 0.5) * room for value in values]


@dataclass(frozen=True)
class Bar:
    """A stretch of a strip."""

    level: float
    x: float
    width: float


@dataclass(frozen=True)
class Strip:
    """A forecast's bands on one axis: widest bar first, the last close, the forecast close."""

    bars: tuple[Bar, ...]
    last: float
    predicted: float


def reach(forecasts: Sequence[Forecast]) -> float:
    """Return the largest move, as a share of the last close, that any of the 95 % bands holds."""
    moves = (abs(edge / one.last_close - 1) for one in forecasts for edge in (one.quantiles[0], one.quantiles[-1]))
    return max(moves, default=0.05)


def strip(forecast: Forecast, widest: float) -> Strip:
    """Draw the bands as shares of the last close on an axis from -widest to +widest, the same for all rows."""
    axis = Axis(-widest, widest, _MARGIN, STRIP_WIDTH - _MARGIN)

    def at(close: float) -> float:
        return axis.at(close / forecast.last_close - 1)

    bars = tuple(
        Bar(one.level, at(one.lower), max(round(at(one.upper) - at(one.lower), 1), 1.0))
        for one in reversed(forecast.intervals())
    )
    return Strip(bars, last=axis.at(0.0), predicted=at(forecast.predicted_close))


@dataclass(frozen=True)
class Dot:
    """One of twenty equally likely closes."""

    x: float
    y: float
    side: str


@dataclass(frozen=True)
class DotPlot:
    """Twenty equally likely closes as stacked dots: the share above the last close can be counted."""

    dots: tuple[Dot, ...]
    radius: float
    last: float
    predicted: float
    base: float
    low: float
    high: float

    @property
    def above(self) -> int:
        """How many of the twenty lie above the last close."""
        return sum(dot.side == "up" for dot in self.dots)


def dot_plot(forecast: Forecast) -> DotPlot:
    """Stack the closes at the levels 2.5, 7.5 … 97.5 % in bins as wide as a dot, the last close between two bins."""
    closes = [close_at(forecast.quantiles, (place + 0.5) / DOTS) for place in range(DOTS)]
    low, high = min(*closes, forecast.last_close), max(*closes, forecast.last_close)
    diameter = (DOTS_WIDTH - 2 * _MARGIN) / _BINS
    # A column may begin half a dot beside its close, and a dot reaches half a dot further.
    axis = Axis(low, high, _MARGIN + diameter, DOTS_WIDTH - _MARGIN - diameter)
    last, base = axis.at(forecast.last_close), DOTS_HEIGHT - 16
    # Columns are counted from the last close, so that no dot above it is drawn left of its line.
    places = [floor((axis.at(close) - last) / diameter) for close in closes]
    ups = [close > forecast.last_close for close in closes]
    columns = [max(place, 0) if up else min(place, -1) for place, up in zip(places, ups, strict=True)]
    # The tallest stack decides the dots' size; a narrow distribution must not grow out of the box.
    step = min(diameter, (base - _MARGIN) / max(Counter(columns).values()))
    dots = tuple(
        Dot(
            x=round(last + (column + 0.5) * diameter, 1),
            y=round(base - 3 - step * (columns[:place].count(column) + 0.5), 1),
            side="up" if up else "down",
        )
        for place, (column, up) in enumerate(zip(columns, ups, strict=True))
    )
    return DotPlot(dots, round(step * 0.42, 2), last, axis.at(forecast.predicted_close), base, low, high)


@dataclass(frozen=True)
class Spark:
    """A price line, lines over it and, at its end, the bands of the forecast."""

    line: str
    area: str
    bands: tuple[tuple[float, float, float], ...]
    """Level, top and height of each band, widest first."""
    over: tuple[tuple[str, str], ...] = ()
    """The token of colour and the points of each line over it."""


def spark(
    closes: Sequence[float], forecast: Forecast | None, over: Sequence[tuple[str, Sequence[float | None]]] = ()
) -> Spark:
    """Draw the closes as a line that leaves room for the bands at its right, and lines with a value a close over it."""
    edges = [*closes, *(forecast.quantiles if forecast else ())]
    if not edges:
        return Spark("", "", ())
    axis = Axis(min(edges), max(edges), SPARK_HEIGHT - _MARGIN, _MARGIN)
    room = SPARK_WIDTH * 0.93
    step = room / max(len(closes) - 1, 1)
    across = [f"{place * step:.1f}" for place in range(len(closes))]
    line = _line(across, axis, closes)
    bands = tuple(
        (one.level, axis.at(one.upper), round(axis.at(one.lower) - axis.at(one.upper), 1))
        for one in reversed(forecast.intervals() if forecast else ())
    )
    area = f"0,{SPARK_HEIGHT} {line} {across[-1]},{SPARK_HEIGHT}" if across else ""
    return Spark(line, area, bands, tuple((token, _line(across, axis, values)) for token, values in over))


def _line(across: Sequence[str], axis: Axis, values: Sequence[float | None]) -> str:
    """Return the points of a line with a value at each place; one that isn't known is left out."""
    places = [x for x, value in zip(across, values, strict=True) if value is not None]
    heights = axis.all(value for value in values if value is not None)
    return " ".join([f"{x},{y:.1f}" for x, y in zip(places, heights, strict=True)])


def sparkline(closes: Sequence[float], width: float = 96.0, height: float = 28.0) -> str:
    """Draw closes, oldest first, as the points of a line that fills a small box."""
    across = Axis(0.0, len(closes) - 1.0, 1.0, width - 1.0)
    up = Axis(min(closes, default=0.0), max(closes, default=0.0), height - 2.0, 2.0)
    return _line([f"{x:.1f}" for x in across.all(range(len(closes)))], up, closes)


def histogram(shares: Sequence[float], width: float = 320.0, height: float = 64.0) -> tuple[Bar, ...]:
    """Draw shares as columns; `level` is a column's height, to be taken from the bottom."""
    tallest = max(shares, default=0.0) or 1.0
    edges = [width * place / max(len(shares), 1) for place in range(len(shares) + 1)]
    return tuple(
        Bar(round(share / tallest * height, 1), round(left + 0.5, 1), round(right - left - 1, 1))
        for share, (left, right) in zip(shares, pairwise(edges), strict=True)
    )
