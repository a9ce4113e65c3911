"""Technical indicators of the whole bar as their authors define them, and the features made from them.

Each agrees with TA-Lib to 1e-9 once TA-Lib's seed has died away. Where a stretch is flat, an oscillator stands in its
middle: TA-Lib says 0 there. The features are these over 100, moved so that the middle is 0; atr_14 is the log of its
share of the close, obv_22 the change of on-balance volume as a share of the volume.
"""

from __future__ import annotations

import numpy as np

from app.features.engine.feature import Feature, family
from app.features.engine.panel import Panel, cached, sums
from app.features.engine.windows import Matrix, Sums, change, highest, lag, lowest, smoothed, weighted
from app.features.indicators.averages import WILDER, WILDER_DECAY, WILDER_MEMORY
from app.features.indicators.returns import over

STOCHASTIC = 14
CCI = 20
OBV = 22
_NOISE = 1e-9
"""Differences of prices smaller than this share of the close are rounding."""


@cached
def true_range(panel: Panel) -> Matrix:
    """Return max(high, close[t-1]) - min(low, close[t-1]); 0 at the first bar. Wilder (1978)."""
    before = lag(panel.close, 1)
    out: Matrix = np.maximum(panel.high, before) - np.minimum(panel.low, before)
    out[:, 0] = 0.0
    return out


@cached
def _weighted_range(panel: Panel) -> Matrix:
    return weighted(true_range(panel), WILDER_DECAY, WILDER_MEMORY)


@cached
def atr(panel: Panel) -> Matrix:
    """Return the average true range, Wilder's smoothing over 14 bars.

    Window WILDER_MEMORY + 1 bars; unit price; first valid row 14. Wilder (1978); TA-Lib seeds with the simple mean of
    the first 14 true ranges.
    """
    return smoothed(true_range(panel), WILDER_DECAY, WILDER_MEMORY, start=1, part=_weighted_range(panel))


@cached
def stochastic_fast(panel: Panel) -> Matrix:
    """Return the raw stochastic: 100 * (close - lowest low) / (highest high - lowest low) over 14 bars.

    Window 14 bars; unit 0..100, 50 where all is flat; first valid row 13. Lane (1984).
    """
    bottom = lowest(panel.low, STOCHASTIC)
    reach = highest(panel.high, STOCHASTIC) - bottom
    return np.where(reach > 0.0, 100.0 * (panel.close - bottom) / np.where(reach > 0.0, reach, 1.0), 50.0)


@cached
def stochastic_k(panel: Panel) -> Matrix:
    """Return the 3-bar mean of the raw stochastic (slow %K).

    Window 16 bars; unit 0..100; first valid row 15. Lane (1984).
    """
    return Sums(stochastic_fast(panel)).mean(3)


def stochastic_d(panel: Panel) -> Matrix:
    """Return the 3-bar mean of slow %K (slow %D).

    Window 18 bars; unit 0..100; first valid row 17. Lane (1984).
    """
    return Sums(stochastic_k(panel)).mean(3)


def williams(panel: Panel) -> Matrix:
    """Return Williams %R: -100 * (highest high - close) / (highest high - lowest low) over 14 bars.

    Window 14 bars; unit -100..0; first valid row 13. Williams (1973).
    """
    return stochastic_fast(panel) - 100.0


@cached
def cci(panel: Panel) -> Matrix:
    """Return the commodity channel index: (tp - mean tp) / (0.015 * mean |tp - mean tp|) over 20 bars.

    tp = (high + low + close) / 3. Window 20 bars; unit index points; first valid row 19. Lambert (1980).
    """
    typical = (panel.high + panel.low + panel.close) / 3.0
    average = Sums(typical).mean(CCI)
    spread = np.zeros_like(typical)
    # the mean moves with the window, so this one can't be halved into partial sums
    scratch = np.empty_like(typical)
    for back in range(min(CCI, typical.shape[1])):
        reached = spread[:, back:]
        distance = np.subtract(average[:, back:], typical[:, : typical.shape[1] - back], out=scratch[:, back:])
        np.add(reached, np.abs(distance, out=distance), out=reached)
    noise = 1e-12 * CCI * average
    return over(typical - average, np.where(spread > noise, 0.015 / CCI * spread, 0.0))


@cached
def _directions(panel: Panel) -> tuple[Matrix, Matrix]:
    """Return Wilder's smoothed upward and downward movement as shares of the smoothed true range.

    Two movements of one size are none, also when rounding makes one of them larger, as cents do in floats: TA-Lib then
    takes one or the other.
    """
    up, down = change(panel.high), -change(panel.low)
    noise = _NOISE * panel.close
    ups = np.maximum(up, 0.0) * (up - down > noise)
    downs = np.maximum(down, 0.0) * (down - up > noise)
    reach = _weighted_range(panel)
    plus, minus = (over(weighted(moves, WILDER_DECAY, WILDER_MEMORY), reach) for moves in (ups, downs))
    return plus, minus


def plus_di(panel: Panel) -> Matrix:
    """Return the positive directional indicator, 14 bars.

    Window WILDER_MEMORY + 1 bars; unit 0..100; first valid row 14. Wilder (1978).
    """
    return 100.0 * _directions(panel)[0]


def minus_di(panel: Panel) -> Matrix:
    """Return the negative directional indicator, 14 bars.

    Window WILDER_MEMORY + 1 bars; unit 0..100; first valid row 14. Wilder (1978).
    """
    return 100.0 * _directions(panel)[1]


@cached
def adx(panel: Panel) -> Matrix:
    """Return the average directional index: Wilder's smoothing of 100 * |+DI - -DI| / (+DI + -DI).

    Window 2 * WILDER_MEMORY + 1 bars; unit 0..100; first valid row 27. Wilder (1978).
    """
    plus, minus = _directions(panel)
    return smoothed(100.0 * over(np.abs(plus - minus), plus + minus), WILDER_DECAY, WILDER_MEMORY, start=1)


def signed_volume(panel: Panel) -> Matrix:
    """Return the volume with the sign of the day's change."""
    return np.sign(change(panel.close)) * panel.volume


def volume(panel: Panel) -> Matrix:
    """Return the volume."""
    return panel.volume


def obv_change(panel: Panel, window: int) -> Matrix:
    """Return the change of on-balance volume over the window: the sum of signed volume.

    Window window + 1 bars; unit shares; first valid row `window`. Granville (1963); OBV itself counts from the first
    bar there is, so only its changes mean anything.
    """
    return sums(panel, signed_volume).over(window)


FEATURES = (
    Feature("atr_14", WILDER_MEMORY + 1, WILDER, lambda panel: np.log(atr(panel) / panel.close + 1e-5)),
    Feature("stochastic_k", 16, 15, lambda panel: stochastic_k(panel) / 100.0 - 0.5),
    Feature("stochastic_d", 18, 17, lambda panel: stochastic_d(panel) / 100.0 - 0.5),
    Feature("williams_14", 14, 13, lambda panel: williams(panel) / 100.0 + 0.5),
    Feature("cci_20", 20, 19, lambda panel: cci(panel) / 100.0),
    Feature("adx_14", 2 * WILDER_MEMORY + 1, 27, lambda panel: adx(panel) / 100.0),
    Feature("plus_di_14", WILDER_MEMORY + 1, WILDER, lambda panel: plus_di(panel) / 100.0),
    Feature("minus_di_14", WILDER_MEMORY + 1, WILDER, lambda panel: minus_di(panel) / 100.0),
    *family("obv_{w}", lambda panel, w: over(obv_change(panel, w), sums(panel, volume).over(w)), (OBV,)),
)
