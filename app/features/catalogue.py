"""Every feature, in order: what a model may see, how far back each looks, and where it comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from app.features import indicators as ta
from app.features import market, returns, volatility, volume
from app.features.panel import Compute, Panel
from app.features.windows import Matrix, memory


@dataclass(frozen=True)
class Feature:
    """One column of the feature frame.

    `window` is the number of newest bars that the value depends on; `first` the symbol's row, from 0, that has the
    first value; both count the symbol's own bars.
    """

    name: str
    formula: str
    window: int
    first: int
    unit: str
    source: str
    group: str
    compute: Compute = field(repr=False, compare=False)


@dataclass(frozen=True)
class _Family:
    """One feature a window: `{w}` in name and formula stands for it; the bars it needs are worked out from it."""

    name: str
    formula: str
    unit: str
    source: str
    group: str
    compute: Callable[[Panel, int], Matrix]
    window: Callable[[int], int] = lambda w: w + 1
    first: Callable[[int], int] = lambda w: w

    def over(self, *windows: int) -> list[Feature]:
        """Return the family's features for these windows."""
        return [
            Feature(
                name=self.name.format(w=w),
                formula=self.formula.format(w=w),
                window=self.window(w),
                first=self.first(w),
                unit=self.unit,
                source=self.source,
                group=self.group,
                compute=partial(_at_window, self.compute, w),
            )
            for w in windows
        ]


def _at_window(compute: Callable[[Panel, int], Matrix], window: int, panel: Panel) -> Matrix:
    return compute(panel, window)


def _scale_first(w: int) -> int:
    """Scale regressors average over what there is: a month must be there, a year needn't."""
    return min(w, 22)


def _spread_over(name: str) -> Compute:
    return lambda panel: panel.by_session(name)


_WILDER_WINDOW = memory(1.0 - 1.0 / ta.WILDER) + 1
_SLOW_WINDOW = ta.span_memory(ta.SLOW)

_RETURNS = [
    *_Family("ret_{w}", "log(close / close[t-{w}])", "log return", "", "returns", returns.log_return)
    .over(1, 2, 3, 5, 10, 22, 66, 252),
    Feature("ret_overnight", "log(open / close[t-1])", 2, 1, "log return", "", "returns", returns.overnight),
    Feature("ret_intraday", "log(close / open)", 1, 0, "log return", "", "returns", returns.intraday),
    *_Family("momentum_{w}", "log(close / close[t-{w}]) / (sd66 sqrt({w})), cut at 4", "standard deviations",
             "Moskowitz, Ooi & Pedersen 2012", "returns", returns.momentum,
             window=lambda w: max(w, 66) + 1, first=lambda w: max(w, 22)).over(1, 5, 22, 66, 252),
]  # fmt: skip

_TREND = [
    *_Family("sma_gap_{w}", "close / SMA({w}) - 1", "share", "", "trend", lambda p, w: p.close / ta.sma(p, w) - 1.0,
             window=lambda w: w, first=lambda w: w - 1).over(5, 10, 20, 50, 200),
    *_Family("ema_gap_{w}", "close / EMA({w}) - 1", "share", "", "trend", lambda p, w: p.close / ta.ema(p, w) - 1.0,
             window=ta.span_memory, first=lambda w: w - 1).over(12, 26),
    Feature("macd", "(EMA(12) - EMA(26)) / close", _SLOW_WINDOW, 25, "share", "Appel 1979", "trend",
            lambda p: ta.macd(p) / p.close),
    Feature("macd_histogram", "(MACD - EMA(9) of MACD) / close", _SLOW_WINDOW + ta.span_memory(ta.SIGNAL), 33, "share",
            "Appel 1979", "trend", lambda p: (ta.macd(p) - ta.macd_signal(p)) / p.close),
    Feature("rsi_14", "U / (U + D), Wilder's smoothing over 14, less 0.5", _WILDER_WINDOW, 14, "share", "Wilder 1978",
            "trend", lambda p: ta.rsi(p) / 100.0 - 0.5),
]  # fmt: skip

_RANGE = [
    Feature("atr_14", "log(ATR(14) / close)", _WILDER_WINDOW, 14, "log share", "Wilder 1978", "range",
            lambda p: np.log(ta.atr(p) / p.close + 1e-5)),
    Feature("bollinger_position", "(close - SMA(20)) / (2 sd20)", 20, 19, "half widths", "Bollinger 1992", "range",
            lambda p: returns.over(p.close - ta.sma(p, 20), 2.0 * ta.deviation(p, 20))),
    Feature("bollinger_width", "4 sd20 / SMA(20)", 20, 19, "share", "Bollinger 1992", "range",
            lambda p: 4.0 * ta.deviation(p, 20) / ta.sma(p, 20)),
    Feature("close_in_range", "(close - low) / (high - low) - 0.5", 1, 0, "share", "", "range",
            lambda p: returns.over(p.close - p.low - 0.5 * (p.high - p.low), p.high - p.low)),
]  # fmt: skip

_SCALE = [
    *_Family("range_scale_{w}", "0.5 log mean over {w} of (Garman-Klass + log(open/close[t-1])^2)",
             "log standard deviation", "Garman & Klass 1980; Corsi 2009", "scale", volatility.range_scale,
             first=_scale_first).over(1, 5, 22, 66, 250),
    *_Family("return_scale_{w}", "0.5 log mean over {w} of ret^2", "log standard deviation", "Corsi 2009", "scale",
             volatility.return_scale, first=_scale_first).over(5, 22, 66, 250),
    Feature("ewma_scale", "0.5 log EWMA(0.94) of ret^2", memory(volatility.LAMBDA) + 1, 22, "log standard deviation",
            "RiskMetrics 1996", "scale", volatility.ewma_scale),
    Feature("leverage", "min(ret, 0) / sd22, cut at -4", 23, 22, "standard deviations", "Black 1976", "scale",
            volatility.leverage),
]  # fmt: skip

_VOLUME = [
    Feature("volume_surprise", "log volume - its mean over the 66 bars before", 67, 22, "log ratio", "", "volume",
            volume.surprise),
    Feature("volume_trend_5", "mean log volume over 5 - over 66", 66, 22, "log ratio", "", "volume",
            lambda p: volume.trend(p, 5, 66)),
    Feature("volume_trend_22", "mean log volume over 22 - over 250", 250, 22, "log ratio", "", "volume",
            lambda p: volume.trend(p, 22, 250)),
]  # fmt: skip


def _of_market(name: str, formula: str, window: int, unit: str) -> Feature:
    """Return a feature that is the same for all symbols of a session."""
    return Feature(f"market_{name}", formula, window, 0, unit, "", "market", _spread_over(f"market_{name}"))


_MARKET = [
    _of_market("ret", "mean over symbols of ret", 2, "log return"),
    *(_of_market(f"ret_{w}", f"sum over {w} sessions of market_ret", w + 1, "log return") for w in (5, 22)),
    _of_market("log_sd", "mean over symbols of range_scale_1", 2, "log standard deviation"),
    *(_of_market(f"log_sd_{w}", f"mean over {w} sessions of market_log_sd", w + 1, "log standard deviation")
      for w in (5, 22, 66)),
    _of_market("dispersion", "half log variance over symbols of ret", 2, "log standard deviation"),
    *(_of_market(f"dispersion_{w}", f"mean over {w} sessions of market_dispersion", w + 1, "log standard deviation")
      for w in (5, 22)),
    _of_market("size_22", "half log mean over 22 sessions of market_ret^2", 23, "log standard deviation"),
    _of_market("surprise", "mean over symbols of volume_surprise", 67, "log ratio"),
    _of_market("breadth", "mean over symbols of sign(ret)", 2, "share"),
    Feature("market_fall", "min(market_ret, 0) / sd66 of market_ret, cut at -4", 68, 0, "standard deviations",
            "Black 1976", "market", market.fall),
    Feature("excess", "ret - market_ret", 2, 1, "log return", "", "market", market.excess),
]  # fmt: skip


def _of_target(name: str, formula: str, unit: str) -> Feature:
    """Return a feature of the session that is forecast."""
    return Feature(name, formula, 1, 0, unit, "", "calendar", _spread_over(name))


_CALENDAR = [
    _of_target("gap_days", "calendar days from the session to its target", "days"),
    *(_of_target(name, f"1 when the target session is a {name.title()}", "flag")
      for name in ("tuesday", "wednesday", "thursday", "friday")),
    _of_target("month_start", "sessions since the month's first, up to 5", "sessions"),
    _of_target("month_end", "sessions until the month's last, up to 5", "sessions"),
    _of_target("since_holiday", "sessions since a closed weekday, up to 10", "sessions"),
    _of_target("until_holiday", "sessions until a closed weekday, up to 10", "sessions"),
]  # fmt: skip

FEATURES: tuple[Feature, ...] = (*_RETURNS, *_TREND, *_RANGE, *_SCALE, *_VOLUME, *_MARKET, *_CALENDAR)

SCALE_REGRESSORS: tuple[str, ...] = (
    *(feature.name for feature in _SCALE),
    "market_log_sd",
    "market_log_sd_5",
    "market_log_sd_22",
    "market_dispersion",
    "market_dispersion_22",
    "market_fall",
    "gap_days",
)
"""The features that the volatility model is linear in."""
