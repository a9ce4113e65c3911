"""Figures that judge forecasts: CRPS, an outcome's place in its distribution, and intervals of shares and ratios.

Training judges candidates by the same formulas over whole panels; a test holds the two to the same numbers.
"""

from __future__ import annotations

from math import exp, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.registry.levels import LEVELS

Floats = NDArray[np.float64]

Z_95: Final = 1.959963984540054
BLOCK: Final = 10
"""Sessions in a bootstrap block: two trading weeks, longer than daily errors remember their size in the mean."""
DRAWS: Final = 1000
FEWEST_SESSIONS: Final = 20
"""With fewer sessions than this a block bootstrap only repeats what it has, so no interval is given."""
_SEED: Final = 20_260_101
_LEVELS: Final[Floats] = np.array(LEVELS)


def crps(quantiles: Floats, realised: Floats) -> Floats:
    """Return the CRPS of each row: the mean pinball loss over the 21 levels, times 2, in the unit of the outcome.

    `quantiles` is (rows, 21), `realised` (rows,). Source: Gneiting & Raftery 2007.
    """
    gap = realised[:, None] - quantiles
    pinball = np.maximum(_LEVELS * gap, (_LEVELS - 1.0) * gap)
    return np.asarray(2.0 * pinball.mean(axis=1), dtype=np.float64)


def pit(quantiles: Floats, realised: Floats) -> Floats:
    """Return where each outcome lies in its distribution, in (0, 1): linear between the levels.

    Where several quantiles are equal to the outcome it is the middle of their levels. Below the lowest and above the
    highest level only the tail is known: its middle is given, 0.0125 and 0.9875.
    """
    places = [_place(row, one) for row, one in zip(quantiles, realised, strict=True)]
    return np.array(places, dtype=np.float64)


def _place(quantiles: Floats, realised: float) -> float:
    below, reached = (int(np.searchsorted(quantiles, realised, side)) for side in ("left", "right"))
    if reached > below:
        return (LEVELS[below] + LEVELS[reached - 1]) / 2
    return float(np.interp(realised, quantiles, _LEVELS, left=LEVELS[0] / 2, right=1 - (1 - LEVELS[-1]) / 2))


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share of independent trials (Wilson 1927); (0, 1) when there were none."""
    if n == 0:
        return 0.0, 1.0
    share, spread = hits / n, Z_95 * Z_95 / n
    middle = (share + spread / 2) / (1 + spread)
    half = Z_95 * sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def ratio_interval(above: Floats, below: Floats) -> tuple[float, float] | None:
    """Return the 95 % interval of sum(above) / sum(below), each given by session in time order.

    Normal in logs; its standard error comes from blocks of sessions drawn with replacement, round the end (circular:
    Politis & Romano 1992), for errors of one day, and of neighbouring days, aren't independent. None with fewer than
    `FEWEST_SESSIONS`, or when a sum isn't positive.
    """
    sessions = len(above)
    if sessions < FEWEST_SESSIONS:
        return None
    starts = np.random.default_rng(_SEED).integers(0, sessions, (DRAWS, -(-sessions // BLOCK)))
    drawn_above, drawn_below = _blocks(above)[starts].sum(axis=1), _blocks(below)[starts].sum(axis=1)
    if not (np.all(drawn_above > 0) and np.all(drawn_below > 0)):
        return None
    ratio = float(above.sum() / below.sum())
    reach = Z_95 * float(np.std(np.log(drawn_above / drawn_below), ddof=1))
    return ratio * exp(-reach), ratio * exp(reach)


def _blocks(by_session: Floats) -> Floats:
    """Return the sum of each block of sessions by its first one; a block at the end goes on at the start."""
    running = np.concatenate(([0.0], np.cumsum(np.concatenate((by_session, by_session[: BLOCK - 1])))))
    return np.asarray(running[BLOCK:] - running[:-BLOCK], dtype=np.float64)
