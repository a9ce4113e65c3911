"""What a reader may lay over the candles, or set in panes below them: names, traces, and the room that panes take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.core.public import four_decimals

Figure = dict[str, Any]
Columns = Mapping[str, list[Any]]
"""Values of candles by name, oldest first; as lists, for a step on a short column costs more than its values do."""
Column = tuple[str, str, int]
"""A column of the indicators, its heading, and its digits in a table."""
_GAP, _PANE, _PRICES = 0.07, 0.17, 0.76
"""The room between panes, of a pane and of the candles, where candles with one pane are as high as 1."""


@dataclass(frozen=True)
class Indicator:
    """One thing that can be drawn: as addresses call it, as readers do, and its colour where it has one of its own."""

    key: str
    title: str
    columns: tuple[Column, ...]
    token: str = ""
    is_pane: bool = False


def _average(key: str, title: str, number: int) -> Indicator:
    return Indicator(key, title, ((key, title, 2),), f"average-{number}")


INDICATORS: Final = (
    _average("sma_20", "SMA 20", 1),
    _average("sma_50", "SMA 50", 2),
    _average("sma_200", "SMA 200", 3),
    _average("ema_12", "EMA 12", 4),
    _average("ema_26", "EMA 26", 5),
    Indicator(
        "bollinger",
        "Bollinger",
        (("bollinger_upper", "Bollinger, upper", 2), ("bollinger_lower", "Bollinger, lower", 2)),
        "bollinger",
    ),
    Indicator("volume", "Volume", (), is_pane=True),
    Indicator("rsi", "RSI 14", (("rsi_14", "RSI 14", 1),), is_pane=True),
    Indicator(
        "macd",
        "MACD",
        (("macd", "MACD", 2), ("macd_signal", "Signal", 2), ("macd_histogram", "Histogram", 2)),
        is_pane=True,
    ),
)
DEFAULT: Final = ("sma_20", "sma_50", "volume")


def columns(shown: Sequence[Indicator]) -> list[Column]:
    """Return the columns that are drawn, in their order."""
    return [column for one in shown for column in one.columns]


def numbers(values: Iterable[float | None]) -> list[float | None]:
    """Return values as a figure holds them: rounded, null where one isn't known."""
    return four_decimals(list(values))


def trace(kind: str, name: str, x: list[str], **own: Any) -> Figure:
    """Return a trace of some kind."""
    return {"type": kind, "name": name, "x": x, **own}


def bar(name: str, x: list[str], y: list[float] | list[float | None], colour: str | list[str], **own: Any) -> Figure:
    """Return a trace of columns without outlines."""
    return trace("bar", name, x, y=y, marker={"color": colour, "line": {"width": 0}}, **own)


def line(name: str, x: list[str], values: list[float | None], token: str, **own: Any) -> Figure:
    """Return a trace of one line in the colour of a token."""
    style = {"color": token, "width": 1.5} | own.pop("line", {})
    hover = "%{y:,.2f}"
    return trace("scatter", name, x, y=numbers(values), mode="lines", line=style, hovertemplate=hover, **own)


def overlays(shown: Sequence[Indicator], candles: Columns, x: list[str]) -> list[Figure]:
    """Draw what lies over the candles; `candles` have the indicators' columns beside their own."""
    return [
        line(title, x, candles[name], f"--{one.token}", line={"dash": "4px,3px"} if len(one.columns) > 1 else {})
        for one in shown
        if not one.is_pane
        for name, title, _ in one.columns
    ]


def panes(shown: Sequence[Indicator], candles: Columns, x: list[str]) -> tuple[list[Figure], Figure]:
    """Draw the panes below the candles; return their traces, and what the layout gains by them."""
    below = [one for one in shown if one.is_pane]
    whole = _PRICES + len(below) * (_PANE + _GAP)
    traces: list[Figure] = []
    layout: Figure = {"shapes": [], "annotations": []}
    for place, one in enumerate(below):
        axis, top = f"y{place + 2}", whole - _PRICES - _GAP - place * (_PANE + _GAP)
        traces += _DRAWN[one.key](candles, x, axis)
        room, own = [round((top - _PANE) / whole, 4), round(top / whole, 4)], _AXES[one.key]
        layout[f"yaxis{place + 2}"] = {"domain": room, **own}
        layout["annotations"].append(_title(one.title, room[1]))
        layout["shapes"] += [_level(axis, level) for level in own.get("tickvals", ())]
    layout["yaxis"] = {"domain": [round((whole - _PRICES) / whole, 4), 1.0]}
    layout["xaxis"] = {"anchor": f"y{len(below) + 1}" if below else "y"}
    return traces, layout


def _title(text: str, top: float) -> Figure:
    font = {"color": "--ink-3", "size": 11}
    place = {"xref": "paper", "yref": "paper", "x": 0, "y": top, "xanchor": "left", "yanchor": "bottom"}
    return {"text": text, "showarrow": False, "font": font, **place}


def _level(axis: str, level: float) -> Figure:
    line = {"color": "--line-2", "width": 1, "dash": "dot"}
    return {"type": "line", "xref": "x domain", "x0": 0, "x1": 1, "yref": axis, "y0": level, "y1": level, "line": line}


def _volume(candles: Columns, x: list[str], axis: str) -> list[Figure]:
    colours = _by_side(close >= at for close, at in zip(candles["close"], candles["open"], strict=True))
    return [bar("Volume", x, candles["volume"], colours, yaxis=axis, hovertemplate="%{y:.3s}")]


def _rsi(candles: Columns, x: list[str], axis: str) -> list[Figure]:
    return [line("RSI 14", x, candles["rsi_14"], "--average-1", yaxis=axis) | {"hovertemplate": "%{y:.1f}"}]


def _macd(candles: Columns, x: list[str], axis: str) -> list[Figure]:
    heights = candles["macd_histogram"]
    colours = _by_side((height or 0.0) >= 0 for height in heights)
    return [
        bar("Histogram", x, numbers(heights), colours, yaxis=axis, hovertemplate="%{y:,.2f}"),
        line("MACD", x, candles["macd"], "--average-1", yaxis=axis),
        line("Signal", x, candles["macd_signal"], "--average-2", yaxis=axis),
    ]


def _by_side(up: Iterable[bool]) -> list[str]:
    return ["--volume-up" if one else "--volume-down" for one in up]


_DRAWN: Final = {"volume": _volume, "rsi": _rsi, "macd": _macd}
_AXES: Final[dict[str, Figure]] = {
    "volume": {"nticks": 3, "tickformat": "~s"},
    "rsi": {"range": [0, 100], "tickvals": [30, 70]},
    "macd": {"nticks": 4, "tickformat": ",~r"},
}
