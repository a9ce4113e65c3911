"""The interval of a ratio of losses in the track record.

Training computes it over whole panels; a test holds the two to the same numbers.
"""

from __future__ import annotations

from math import exp
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

Z_95: Final = 1.959963984540054
BLOCK: Final = 10
"""Sessions in a bootstrap block: two trading weeks, longer than daily errors remember their size in the mean."""
DRAWS: Final = 1000
FEWEST_SESSIONS: Final = 20
"""With fewer sessions than this a block bootstrap only repeats what it has, so no interval is given."""
_SEED: Final = 20_260_101


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
