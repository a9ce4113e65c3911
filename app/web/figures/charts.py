"""Figures as plain dicts for plotly.js: pure, no colours of their own.

A string that starts with `--` names a CSS token; app.js replaces it by the colour of the theme in place, and again when
the theme changes. Sessions are categories, so that nights and holidays leave no gaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import polars as pl

from app.forecasts.ledger.forecast import Forecast
from app.web.edge import formats
from app.web.figures.indicators import Columns, Figure, Indicator, bar, numbers, overlays, panes, trace

WEEKLY_FROM = 600
"""From so many sessions on, candles are weeks: more of them than pixels are slow to draw and impossible to read."""
_MOST_LABELS, _FEWEST_LABELS = 10, 3
_MONTHS_BETWEEN = (1, 2, 3, 6, 12, 24, 36, 60, 120)
_LONG = 100
"""From so many candles on, labels say month and year instead of the day."""
_UNDER = 0.02
"""So much of the price axis lies between a candle's low and its mark: less than the air below all of them."""
_MAIN = (0.0, 0.86)
_PANEL = (0.89, 1.0)
_PRICE = "%{y:,.2f}"
_BAND_TOKENS = {0.5: "--band-50", 0.8: "--band-80", 0.95: "--band-95"}


class PastBand(NamedTuple):
    """The 80 % band that was forecast for a session, beside its close, and whether that fell into it."""

    session: date
    lower: float
    upper: float
    close: float
    held: bool


class Mark(NamedTuple):
    """A text at the candle of a session, under its low."""

    session: date
    low: float
    text: str


def candles(bars: Columns) -> Columns:
    """Return the bars as they are drawn: sessions, or weeks where there are too many.

    Beside the columns of a bar stand any others; a week has those of its last session.
    """
    if len(bars["session"]) < WEEKLY_FROM:
        return bars
    week = pl.col("session").dt.truncate("1w").alias("week")
    weekly = (
        pl.DataFrame(bars, infer_schema_length=None)
        .group_by(week, maintain_order=True)
        .agg(
            pl.exclude("open", "high", "low", "volume").last(),
            pl.col("open").first(),
            pl.col("high").max(),
            pl.col("low").min(),
            pl.col("volume").sum(),
        )
    )
    return weekly.drop("week").to_dict(as_series=False)


def stock(
    columns: Columns,
    shown: Sequence[Indicator],
    forecast: Forecast | None,
    results: Sequence[Mark] = (),
    past: Sequence[PastBand] = (),
) -> Figure:
    """Draw candles, what a reader chose of indicators, and the next session's bands on the same price axis.

    `columns` are those that `candles` returned, with the chosen indicators'.
    """
    sessions = [day.isoformat() for day in columns["session"]]
    below, room = panes(shown, columns, sessions)
    traces = [_candlestick(columns, sessions), *overlays(shown, columns, sessions), *below]
    if past:
        traces = [*_past(past), *traces]
    layout = _layout(sessions, room, with_panel=forecast is not None)
    layout["yaxis"]["range"] = low, high = _reach(columns, forecast)
    if results:
        traces.append(_results(results, (high - low) * _UNDER))
    if forecast is not None:
        traces += _panel(forecast)
        layout["shapes"].append(_random_walk(forecast))
    return {"data": traces, "layout": layout}


def _reach(columns: Columns, forecast: Forecast | None) -> list[float]:
    """Return the price axis' bounds: all candles and bands, a little air, and no say for the averages."""
    edges = [*columns["low"], *columns["high"], *(forecast.quantiles if forecast else ())]
    air = (max(edges) - min(edges)) * 0.05 or 1.0
    return [round(min(edges) - air, 4), round(max(edges) + air, 4)]


def _candlestick(columns: Columns, sessions: list[str]) -> Figure:
    prices = {name: numbers(columns[name]) for name in ("open", "high", "low", "close")}
    up, down = ({"line": {"color": token, "width": 1}, "fillcolor": token} for token in ("--up", "--down"))
    return trace("candlestick", "Price", sessions, **prices, increasing=up, decreasing=down, whiskerwidth=0)


def _results(results: Sequence[Mark], under: float) -> Figure:
    """Mark the candles in which a company's results were first traded, a little under their lows."""
    sessions = [one.session.isoformat() for one in results]
    marks = {"mode": "markers", "marker": {"color": "--accent", "size": 7, "symbol": "triangle-up"}}
    places, texts = numbers(one.low - under for one in results), [one.text for one in results]
    return trace("scatter", "Results", sessions, y=places, text=texts, **marks, hovertemplate="%{text}")


def _past(past: Sequence[PastBand]) -> list[Figure]:
    """Lay each session's band behind its candle, and ring the closes that fell out of it."""
    sessions = [one.session.isoformat() for one in past]
    heights = numbers(one.upper - one.lower for one in past)
    lower, upper = numbers(one.lower for one in past), numbers(one.upper for one in past)
    shown = {"base": lower, "width": 1.0, "customdata": upper}
    hover = "%{base:,.2f} to %{customdata:,.2f}"
    missed = [one for one in past if not one.held]
    marker = {"color": "--missed", "size": 9, "symbol": "circle-open", "line": {"width": 1.8}}
    rings = {"mode": "markers", "marker": marker, "hovertemplate": "outside its 80 % band"}
    days = [one.session.isoformat() for one in missed]
    return [
        bar("80 % band forecast", sessions, heights, "--band-95", **shown, hovertemplate=hover),
        trace("scatter", "Missed", days, y=numbers(one.close for one in missed), **rings),
    ]


def _panel(forecast: Forecast) -> list[Figure]:
    """Nested bars for the bands, widest first, and a line for the forecast close."""
    x = [formats.day(forecast.target_session, weekday=True)]
    bands = [
        bar(f"{one.level:.0%}", x, [round(one.upper - one.lower, 4)], _BAND_TOKENS[one.level])
        | {"base": [round(one.lower, 4)], "width": 0.84, "xaxis": "x2"}
        | {"hovertemplate": f"{formats.price(one.lower)} to {formats.price(one.upper)}"}
        for one in reversed(forecast.intervals())
    ]
    marker = {"color": "--forecast", "size": 9, "symbol": "diamond", "line": {"color": "--card", "width": 1.5}}
    mark = {"mode": "markers", "marker": marker, "xaxis": "x2", "hovertemplate": _PRICE}
    return [*bands, trace("scatter", "Forecast", x, y=[round(forecast.predicted_close, 4)], **mark)]


def _random_walk(forecast: Forecast) -> Figure:
    """Draw the last close as a dotted line across chart and panel: what the random walk forecasts."""
    close = round(forecast.last_close, 4)
    line = {"color": "--ink-3", "width": 1, "dash": "dot"}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "yref": "y", "y0": close, "y1": close, "line": line}


def _layout(sessions: list[str], room: Figure, *, with_panel: bool) -> Figure:
    axis = {"showgrid": False, "zeroline": False, "fixedrange": True, "tickfont": {"color": "--ink-3", "size": 11}}
    # By name, which is by day: else those of the first trace come first, and bands may be of the newest sessions only.
    category = {**axis, "type": "category", "categoryorder": "category ascending", **room["xaxis"]}
    shown = _labelled(sessions)
    layout: Figure = {
        "xaxis": {
            **category,
            "domain": _MAIN if with_panel else (0.0, 1.0),
            "rangeslider": {"visible": False},
            "tickvals": [sessions[place] for place in shown],
            "ticktext": [_tick(sessions[place], long=len(sessions) > _LONG) for place in shown],
            "tickangle": 0,
            "ticks": "",
        },
        **{name: {**axis, **own} for name, own in room.items() if name.startswith("yaxis")},
        "shapes": room["shapes"],
        "annotations": room["annotations"],
        "barmode": "overlay",
        "bargap": 0.25,
        "hovermode": "x unified",
        "hoverlabel": {"bgcolor": "--card", "bordercolor": "--line-2", "font": {"color": "--ink", "size": 12}},
        "dragmode": False,
        "showlegend": False,
        # Where no panel follows, the last label needs half its width.
        "margin": {"l": 52, "r": 8 if with_panel else 28, "t": 8, "b": 28},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "Inter, system-ui, sans-serif", "color": "--ink-2"},
    }
    layout["yaxis"] |= {"side": "left", "showgrid": True, "gridcolor": "--line", "nticks": 6}
    if with_panel:
        layout["xaxis2"] = {**category, "domain": _PANEL, "showticklabels": False}
    return layout


def _labelled(sessions: list[str]) -> list[int]:
    """Choose up to ten places for labels: the first sessions of months, so many months apart that they are no more."""
    count = len(sessions)
    # The first few candles get no label: it would reach into the axis of the volume.
    places = range(1 + count // 30, count)
    months = [12 * int(session[:4]) + int(session[5:7]) - 1 for session in sessions]
    starts: list[int] = []
    for apart in _MONTHS_BETWEEN:
        starts = [place for place in places if months[place] // apart != months[place - 1] // apart]
        if len(starts) <= _MOST_LABELS:
            break
    if len(starts) >= _FEWEST_LABELS:
        return starts
    step = max(count // 6, 1)
    return list(range(step // 2, count, step))


def _tick(session: str, *, long: bool) -> str:
    month = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")[int(session[5:7]) - 1]
    return f"{month} {session[:4]}" if long else f"{int(session[8:])} {month}"
