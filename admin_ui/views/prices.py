"""Prices: candles with indicators, the next session's forecast, and how forecasts of the symbol came out."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import polars as pl
import streamlit as st
from plotly.subplots import make_subplots

from admin_ui import client
from admin_ui.views import LEGEND, MARGIN, Written, failures_shown, grid, metrics, moment, percent, price, ratio

RANGES = {"3M": 63, "6M": 126, "1Y": 252, "5Y": 1260, "All": 10**6}
OVERLAYS = {
    "SMA 20": ["sma_20"],
    "SMA 50": ["sma_50"],
    "SMA 200": ["sma_200"],
    "EMA 12": ["ema_12"],
    "EMA 26": ["ema_26"],
    "Bollinger bands": ["bollinger_upper", "bollinger_lower"],
}
PANELS = {"RSI 14": ["rsi_14"], "MACD": ["macd", "macd_signal"], "ATR 14": ["atr_14"]}
NUMBERS = {
    "session": "Session",
    **{name: name.capitalize() for name in ("open", "high", "low", "close", "volume")},
    "adj_close": "Adjusted close",
    **{name: title for title, (name, *others) in (OVERLAYS | PANELS).items() if not others},
    "bollinger_upper": "Upper Bollinger band",
    "bollinger_lower": "Lower Bollinger band",
    "macd": "MACD",
    "macd_signal": "MACD signal",
}
"""How the service's names of a bar and its indicators read."""
_MOVES = (NUMBERS["macd"], NUMBERS["macd_signal"], NUMBERS["atr_14"])
"""In units of the price, and mostly below one, whatever the price."""
_UP, _DOWN = "#2a9d7c", "#d1524b"


def show() -> None:
    """Draw the view."""
    st.title("Prices")
    with failures_shown():
        stored = client.symbols()
        if not stored:
            st.info("No prices are stored yet. The service fetches them on its first run.")
            return
        symbol, size, overlays, panels = _controls(stored)
        _forecast(symbol)
        bars = client.bars(symbol).tail(size)
        st.plotly_chart(figure(bars, overlays, panels), width="stretch", key="prices")
        with st.expander("The numbers"):
            grid(numbers(bars), written(bars))
        _record(symbol)


def _controls(stored: list[dict[str, Any]]) -> tuple[str, int, list[str], list[str]]:
    names = {one["symbol"]: one["name"] or "" for one in stored}
    with st.container(horizontal=True, gap="medium"):
        symbol = st.selectbox("Symbol", list(names), format_func=lambda one: f"{one}  {names[one]}".strip(), width=320)
        chosen = st.segmented_control("Range", list(RANGES), default="1Y", required=True)
        drawn = st.multiselect("Indicators", [*OVERLAYS, *PANELS], default=["SMA 20", "SMA 50"], width=480)
    newest = next(one for one in stored if one["symbol"] == symbol)
    st.caption(f"{newest['bars']:,} sessions through {moment(newest['last'])}, from {newest['source']}")
    return symbol, RANGES[chosen], [one for one in drawn if one in OVERLAYS], [one for one in drawn if one in PANELS]


def _forecast(symbol: str) -> None:
    """Show the forecast in one row; where there is none, say why, and leave the chart standing."""
    try:
        forecast = client.prediction(symbol)
    except client.ServiceFailed as error:
        st.warning(str(error))
        return
    band = next(one for one in forecast["intervals"] if one["level"] == 0.8)  # noqa: PLR2004 - the 80 % interval
    change = percent(forecast["predicted_return"], 2, signed=True)
    session = f"Forecast for {moment(forecast['target_session'])}"
    metrics(
        ("Last close, the random walk's forecast", price(forecast["last_close"])),
        (session, price(forecast["predicted_close"]), change if change.strip("+\u2212") != "0.00 %" else None),
        ("Expected move, up or down", percent(forecast["expected_move"], 2)),
        ("80 % interval", f"{price(band['lower'])} to {price(band['upper'])}"),
        ("P(up)", percent(forecast["prob_up"])),
    )
    st.caption(f"{forecast['model']['name']}, version {forecast['model']['version']}: {forecast['model']['verdict']}")


def written(bars: pl.DataFrame) -> Written:
    """Return how the numbers read: as on the service's pages."""
    cents = bars.is_empty() or bars["close"][-1] >= 1
    return {
        **dict.fromkeys(NUMBERS.values(), price),
        **dict.fromkeys(_MOVES, "{:z,.2f}" if cents else "{:z,.4f}"),
        NUMBERS["rsi_14"]: "{:.1f}",
        NUMBERS["session"]: lambda day: moment(f"{day:%Y-%m-%d}"),
        NUMBERS["volume"]: "{:,.0f}",
    }


def numbers(bars: pl.DataFrame) -> pl.DataFrame:
    """Return the bars with readable columns, the newest first."""
    return bars.select(pl.col(name).alias(title) for name, title in NUMBERS.items()).sort("Session", descending=True)


def figure(bars: pl.DataFrame, overlays: list[str], panels: list[str]) -> go.Figure:
    """Draw candles with overlays, volume, and one panel below for each other indicator."""
    rows = 2 + len(panels)
    heights = [0.6, 0.14, *[0.2] * len(panels)]
    chart = make_subplots(rows=rows, cols=1, shared_xaxes=True, vertical_spacing=0.03, row_heights=heights)
    x = bars["session"].dt.to_string("%Y-%m-%d").to_list()
    prices = {name: bars[name].to_list() for name in ("open", "high", "low", "close")}
    chart.add_trace(
        go.Candlestick(x=x, **prices, name="Price", increasing_line_color=_UP, decreasing_line_color=_DOWN),
        row=1,
        col=1,
    )
    for title in overlays:
        chart.add_traces([_line(x, bars[name]) for name in OVERLAYS[title]], rows=1, cols=1)
    volume = go.Bar(x=x, y=bars["volume"].to_list(), name="Volume", marker_color="#9aa3b2", showlegend=False)
    chart.add_trace(volume, row=2, col=1)
    chart.update_yaxes(title_text="Volume", row=2, col=1)
    for place, title in enumerate(panels, start=3):
        several = len(PANELS[title]) > 1
        chart.add_traces([_line(x, bars[name], named=several) for name in PANELS[title]], rows=place, cols=1)
        chart.update_yaxes(title_text=title, row=place, col=1)
    chart.update_xaxes(type="category", nticks=8, showgrid=False, rangeslider_visible=False)
    chart.update_layout(height=520 + 130 * len(panels), margin=MARGIN, legend=LEGEND)
    return chart


def _line(x: list[str], values: pl.Series, *, named: bool = True) -> go.Scatter:
    """Draw an indicator; one that is alone in its panel is named there already."""
    return go.Scatter(x=x, y=values.to_list(), name=NUMBERS[values.name], line={"width": 1.5}, showlegend=named)


def _record(symbol: str) -> None:
    """Show what the ledger says of this symbol."""
    record = client.track_record(symbol)
    st.subheader("How forecasts came out")
    if not record["n"]:
        st.info(f"No forecast of {symbol} is settled yet; waiting for their close: {record['pending']}.")
        return
    metrics(
        ("Settled forecasts", f"{record['n']:,}"),
        ("MAE over the random walk's", ratio(record["mae_ratio"]["value"])),
        ("CRPS skill", percent(record["crps_skill"]["value"], signed=True)),
        ("Right side", percent(record["direction"]["hit_rate"]["value"])),
    )
