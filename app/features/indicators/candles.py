"""The shape of one bar, as shares of its own range."""

from __future__ import annotations

import numpy as np

from app.features.engine.feature import Feature
from app.features.engine.panel import Panel, cached
from app.features.engine.windows import Matrix, lag
from app.features.indicators.averages import WILDER, WILDER_MEMORY
from app.features.indicators.oscillators import atr, true_range
from app.features.indicators.returns import over


@cached
def _range(panel: Panel) -> Matrix:
    return panel.high - panel.low


def body(panel: Panel) -> Matrix:
    """Return (close - open) / (high - low).

    Window 1 bar; unit share, -1..1, 0 for a bar without a range; first valid row 0. Nison (1991).
    """
    return over(panel.close - panel.open, _range(panel))


def upper_shadow(panel: Panel) -> Matrix:
    """Return (high - max(open, close)) / (high - low).

    Window 1 bar; unit share, 0..1; first valid row 0. Nison (1991).
    """
    return over(panel.high - np.maximum(panel.open, panel.close), _range(panel))


def lower_shadow(panel: Panel) -> Matrix:
    """Return (min(open, close) - low) / (high - low).

    Window 1 bar; unit share, 0..1; first valid row 0. Nison (1991).
    """
    return over(np.minimum(panel.open, panel.close) - panel.low, _range(panel))


def close_in_range(panel: Panel) -> Matrix:
    """Return (close - low) / (high - low) - 0.5.

    Window 1 bar; unit share, 0 for a bar without a range; first valid row 0.
    """
    return over(panel.close - panel.low - 0.5 * _range(panel), _range(panel))


def range_in_atr(panel: Panel) -> Matrix:
    """Return the log of the true range over the average true range of the bars before.

    Window WILDER_MEMORY + 2 bars; unit log ratio, floored at log 0.05; first valid row 15. Wilder (1978).
    """
    return np.log(over(true_range(panel), lag(atr(panel), 1)) + 0.05)


def gap_in_atr(panel: Panel) -> Matrix:
    """Return (open - close[t-1]) over the average true range of the bars before, cut at 4.

    Window WILDER_MEMORY + 2 bars; unit average true ranges; first valid row 15. Wilder (1978).
    """
    return np.clip(over(panel.open - lag(panel.close, 1), lag(atr(panel), 1)), -4.0, 4.0)


FEATURES = (
    *(Feature(of.__name__, 1, 0, of) for of in (body, upper_shadow, lower_shadow, close_in_range)),
    *(Feature(of.__name__, WILDER_MEMORY + 2, WILDER + 1, of) for of in (range_in_atr, gap_in_atr)),
)
