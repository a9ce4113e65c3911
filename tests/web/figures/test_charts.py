"""Figures and drawings are pure: from frames and forecasts to plain values, in range, without colours of their own."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.features.overlay import overlay
from app.forecasts.ledger.forecast import Forecast
from app.prices.sources.sample import sample_bars
from app.web.edge import formats, static
from app.web.figures import charts, drawing
from app.web.figures.indicators import INDICATORS, Columns, numbers
from tests.forecasts.small import NORMAL_Z

AT = datetime(2013, 3, 1, 22, 0, tzinfo=UTC)
FORECAST = Forecast(
    id="01", symbol="AAPL", as_of=date(2013, 3, 1), target_session=date(2013, 3, 4), target_close_at=AT,
    last_close=400.0, predicted_close=402.0, predicted_return=0.005, prob_up=0.6, sigma=0.02,
    quantiles=tuple(402.0 + 8 * z for z in NORMAL_Z), model_name="ridge", model_version="v1",
    trained_through=date(2013, 2, 28), verdict="no point skill shown", feature_fingerprint="f", source="sample",
    fetched_at=AT, origin="live", made_at=AT,
)  # fmt: skip
BARS = sample_bars().filter(symbol="AAPL").tail(63)


def leaves(value: Any) -> Iterator[Any]:
    """Yield every value that is no list and no dict."""
    if isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def columns(bars: pl.DataFrame) -> Columns:
    """Return a frame as the columns that figures are drawn from."""
    return bars.to_dict(as_series=False)


def figure() -> charts.Figure:
    """Return the figure of the last 63 sessions."""
    return drawn("sma_20", "volume")


def drawn(*keys: str) -> charts.Figure:
    """Return that figure with the indicators of these keys."""
    chosen = [one for one in INDICATORS if one.key in keys]
    return charts.stock(columns(BARS.join(overlay(BARS), on=["symbol", "session"])), chosen, FORECAST)


def test_a_figure_holds_the_bars_and_the_bands() -> None:
    """Candles are the bars; the three bands and the forecast stand beside them; what isn't known is null."""
    traces = {trace["name"]: trace for trace in figure()["data"]}
    assert list(traces) == ["Price", "SMA 20", "Volume", "95%", "80%", "50%", "Forecast"]
    assert traces["Price"]["x"][-1] == "2013-03-01"
    assert traces["Price"]["close"][-1] == 430.47
    assert traces["SMA 20"]["y"][:19] == [None] * 19
    assert traces["80%"]["base"][0] == pytest.approx(FORECAST.interval(0.8).lower, abs=1e-3)
    json.dumps(figure(), allow_nan=False)


CENTS = st.integers(-(10**12), 10**12).map(lambda whole: whole / 10**5)
"""Every tenth lies in the middle between two roundings, as near as a number can."""


@given(
    st.lists(st.none() | CENTS | st.floats(allow_nan=False, allow_infinity=False, width=32) | st.floats(-1e12, 1e12))
)
def test_numbers_are_rounded_to_the_bit(values: list[float | None]) -> None:
    """All at once what `round` makes of each; None stays None."""
    assert numbers(values) == [None if value is None else round(value, 4) for value in values]


def test_sessions_stand_in_their_order_whatever_is_drawn_first() -> None:
    """Bands of the newest sessions alone, which lie behind the candles, don't move those to the front of the axis."""
    newest = BARS.tail(5).select("session", "low", "high", "close", held=pl.lit(value=True)).iter_rows()
    bands = [charts.PastBand(*row) for row in newest]
    drawn = charts.stock(columns(BARS), [], FORECAST, past=bands)
    assert len(drawn["data"][0]["x"]) == 5
    assert drawn["layout"]["xaxis"]["categoryorder"] == "category ascending"
    sessions = next(trace["x"] for trace in drawn["data"] if trace["type"] == "candlestick")
    assert sessions == sorted(sessions)


@pytest.mark.parametrize(
    ("sessions", "labels"),
    [
        (21, ["1 Feb", "6 Feb", "11 Feb", "14 Feb", "20 Feb", "25 Feb", "28 Feb"]),
        (252, ["May 2012", "Jul 2012", "Sep 2012", "Nov 2012", "Jan 2013", "Mar 2013"]),
        (1260, [label for year in range(2008, 2013) for label in (f"Jul {year}", f"Jan {year + 1}")]),
    ],
)
def test_labels_are_so_many_months_apart_that_they_are_ten_at_most(sessions: int, labels: list[str]) -> None:
    """The same months in each year, whether or not the forecast's panel follows."""
    bars = charts.candles(columns(sample_bars().filter(symbol="AAPL").tail(sessions)))
    for forecast in (FORECAST, None):
        assert charts.stock(bars, [], forecast)["layout"]["xaxis"]["ticktext"] == labels


def test_every_colour_is_a_token_of_the_style_sheet() -> None:
    """No figure brings a colour of its own but transparent, so that both themes fit."""
    text = [value for value in leaves(drawn(*(one.key for one in INDICATORS))) if isinstance(value, str)]
    css = (static.FOLDER / "app.css").read_text()
    assert {value for value in text if value.startswith("--")} <= set(re.findall(r"(--[\w-]+):", css))
    assert [value for value in text if value.startswith(("#", "rgb"))] == ["rgba(0,0,0,0)"] * 2


def test_panes_share_the_room_below_the_candles() -> None:
    """However many are chosen, none overlaps another, and the time axis stands below the lowest."""
    for keys in ((), ("rsi",), ("volume", "rsi", "macd")):
        layout = drawn(*keys)["layout"]
        axes = sorted((own["domain"] for name, own in layout.items() if name.startswith("yaxis")), reverse=True)
        assert len(axes) == 1 + len(keys)
        assert all(lower[1] < upper[0] for upper, lower in pairwise(axes))
        assert axes[0][1] == 1.0
        assert axes[-1][0] == pytest.approx(0.0, abs=1e-3)
        assert layout["xaxis"]["anchor"] == (f"y{1 + len(keys)}" if keys else "y")
        assert [note["text"] for note in layout["annotations"]] == [one.title for one in INDICATORS if one.key in keys]


def test_the_price_axis_holds_candles_and_bands() -> None:
    """A moving average far away doesn't squeeze the candles; no band is cut off."""
    low, high = figure()["layout"]["yaxis"]["range"]
    assert low < min(BARS["low"].min(), FORECAST.quantiles[0])  # type: ignore[type-var]
    assert high > max(BARS["high"].max(), FORECAST.quantiles[-1])  # type: ignore[type-var]


def test_many_sessions_become_weeks() -> None:
    """A week opens with its first session, closes with its last, and adds the volume up."""
    bars = sample_bars().filter(symbol="AAPL")
    weekly = charts.candles(columns(bars))
    last = bars.filter(pl.col("session") >= date(2013, 2, 25))
    assert len(weekly["session"]) < bars.height / 4
    row = {name: column[-1] for name, column in weekly.items()}
    assert (row["session"], row["open"], row["close"]) == (date(2013, 3, 1), last["open"][0], 430.47)
    assert (row["volume"], row["high"]) == (last["volume"].sum(), last["high"].max())


def test_twenty_dots_are_the_distribution() -> None:
    """They lie inside the box, none above the last close is drawn left of its line, and their count is P(up)'s."""
    drawn = drawing.dot_plot(FORECAST)
    assert len(drawn.dots) == 20
    assert drawn.above == 12
    assert all(dot.x > drawn.last for dot in drawn.dots if dot.side == "up")
    assert all(dot.x < drawn.last for dot in drawn.dots if dot.side == "down")
    assert all(dot.y >= drawn.radius for dot in drawn.dots)
    assert all(drawn.radius <= dot.x <= drawing.DOTS_WIDTH - drawn.radius for dot in drawn.dots)
    assert len({(dot.x, dot.y) for dot in drawn.dots}) == 20


def test_a_forecast_without_spread_is_still_drawn() -> None:
    """A share that never moves has a distribution of one value: no division by zero, nothing outside the box."""
    flat = FORECAST.model_copy(update={"predicted_close": 400.0, "quantiles": (400.0,) * 21})
    drawn = drawing.dot_plot(flat)
    assert all(dot.y >= drawn.radius for dot in drawn.dots)
    assert drawing.strip(flat, drawing.reach([flat])).bars
    assert drawing.spark([400.0], flat).line


def test_strips_share_one_scale() -> None:
    """The last close stands in the middle of every row, wider bands are drawn wider, all inside."""
    drawn = drawing.strip(FORECAST, drawing.reach([FORECAST]))
    assert [bar.level for bar in drawn.bars] == [0.95, 0.8, 0.5]
    assert drawn.bars[0].width > drawn.bars[1].width > drawn.bars[2].width
    assert drawn.last == drawing.STRIP_WIDTH / 2
    assert all(bar.x >= 0 and bar.x + bar.width <= drawing.STRIP_WIDTH for bar in drawn.bars)


def test_nothing_stored_is_an_empty_drawing() -> None:
    """No bars, no forecasts: drawings without a line."""
    assert drawing.spark([], None).line == ""
    assert drawing.histogram([]) == ()
    assert drawing.reach([]) == 0.05


def test_values_read_the_same_everywhere() -> None:
    """Signs are real minus signs, thousands are apart, and nothing reads NaN."""
    read = [
        (formats.price(1234.5), "1,234.50"),
        (formats.price(0.12345), "0.1235"),
        (formats.price(None), "\u2013"),
        (formats.price(float("nan")), "\u2013"),
        (formats.signed(0.00084), "+0.08\u202f%"),
        (formats.signed(-0.5, 1), "\u221250.0\u202f%"),
        (formats.signed(-0.00001), "0.00\u202f%"),
        (formats.signed(float("inf")), "\u2013"),
        (formats.percent(0.523), "52.3\u202f%"),
        (formats.ratio(-0.001, 2), "0.00"),
        (formats.arrow(0.01), "\u2191"),
        (formats.arrow(-0.01), "\u2193"),
        (formats.arrow(0.0), ""),
        (formats.day(date(2022, 1, 3), weekday=True), "Mon 3 Jan 2022"),
        (formats.instant(datetime(2021, 12, 31, 21, 31, tzinfo=UTC)), "31 Dec 2021, 21:31 UTC"),
        (formats.iso(datetime(2021, 12, 31, 21, 31, 4, 5, tzinfo=UTC)), "2021-12-31T21:31:04Z"),
        (formats.span(3725), "1 h 2 min"),
        (formats.span(65), "1 min 5 s"),
        (formats.sentence("no point skill"), "No point skill"),
    ]
    assert [shown for shown, _ in read] == [expected for _, expected in read]
