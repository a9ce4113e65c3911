"""The rhythm of earnings: a symbol that jumped on high volume about a quarter or a year ago is likely to again.

No earnings calendar is needed: an announcement shows in the bars as a move of its own on unusual volume. Announcements
repeat every 63 sessions or so.
"""

from __future__ import annotations

import numpy as np

from app.features.beta import excess, squared_excess
from app.features.feature import MONTH, Family, Feature
from app.features.panel import Panel, series, sums
from app.features.volume import surprise
from app.features.windows import Matrix, highest, lag

QUARTERS = (63, 126, 189, 252, 504)
REACHES = (0, 1, 3, 6)
_MEMORY = 68
_LARGEST = 8.0


@series
def score(panel: Panel) -> Matrix:
    """Return log(1 + volume surprise * |excess| / its sd of the 66 bars before), 0 unless the volume was high.

    Window 68 bars; unit log score; first value at row 22, 0 before. The move counts up to 8 standard deviations.
    """
    risk = np.sqrt(lag(sums(panel, squared_excess).mean(66, start=1), 1)) + 1e-4
    move = np.minimum(np.abs(excess(panel)) / risk, _LARGEST)
    found: Matrix = np.log1p(np.maximum(surprise(panel), 0.0) * move)
    found[:, :MONTH] = 0.0
    return found


def echo(panel: Panel, quarter: int, reach: int) -> Matrix:
    """Return the highest score within `reach` sessions of the day that lies `quarter` sessions before the target.

    Window quarter + reach + 67 bars; unit log score, 0 where that far back is nothing; first valid row 22.
    """
    window = panel.keep(f"highest score {reach}", lambda: highest(score(panel), 2 * reach + 1))
    return lag(window, quarter - reach - 1, 0.0)


def recent(panel: Panel, window: int) -> Matrix:
    """Return the highest score of the window: who has just reported doesn't soon again.

    Window window + 67 bars; unit log score; first valid row 22.
    """
    return highest(score(panel), window)


def _echoes(reach: int) -> Family:
    return Family(
        f"echo_{{w}}_{reach}",
        f"highest event score within {reach} of {{w}} sessions before the target",
        "log score",
        "",
        "event",
        lambda panel, quarter: echo(panel, quarter, reach),
        window=lambda quarter: quarter + reach + _MEMORY - 1,
        first=lambda _: MONTH,
    )


FEATURES: tuple[Feature, ...] = (
    *(feature for reach in REACHES for feature in _echoes(reach).over(*QUARTERS)),
    *Family("event_{w}", "highest event score of {w}", "log score", "", "event", recent,
            window=lambda w: w + _MEMORY - 1, first=lambda _: MONTH).over(1, 10, 45),
)  # fmt: skip
