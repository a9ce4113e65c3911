"""Tests of intervals: whether misses are as frequent as the level says (Kupiec), and come singly (Christoffersen).

The unit is one symbol's sequence of sessions. Symbols of one session miss together when the market moves, so pooling
their rows would reject what is right: each symbol is tested by itself, and the share of symbols that are rejected at
5 % is given. About 0.05 is what chance gives; as the symbols aren't independent, the share itself has no simple error.
"""

from __future__ import annotations

from math import nan
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.registry.components.panel import Array, Index

CRITICAL: Final = 3.841458820694124
"""The 95 % quantile of chi-squared with one degree of freedom."""
FEWEST_TO_TEST: Final = 100
"""A symbol with fewer sessions isn't tested: the statistics are chi-squared only in long sequences."""


def kupiec(n: Array, misses: Array, level: float) -> Array:
    """Return the likelihood ratio that misses come with probability 1 - level; above `CRITICAL` they don't.

    LR = 2 [x ln(r / p) + (n - x) ln((1 - r) / (1 - p))] with x misses in n sessions, r = x / n, p = 1 - level.
    Source: Kupiec 1995, proportion of failures.
    """
    return 2.0 * (_likelihood(misses, n - misses, misses / n) - _likelihood(misses, n - misses, 1.0 - level))


def christoffersen(n00: Array, n01: Array, n10: Array, n11: Array) -> Array:
    """Return the likelihood ratio that a miss is as likely after a miss as after a hit; above `CRITICAL` it isn't.

    `n01` counts the sessions with a miss whose session before was a hit, and so on: 1 is a miss. Misses that come in
    runs say that the scale follows volatility too slowly. 0 where one of the two never occurred. Source: Christoffersen
    1998, test of independence against a first-order Markov chain.
    """
    missed, held = n01 + n11, n00 + n10
    alone = _likelihood(missed, held, _share(missed, held))
    chained = _likelihood(n01, n00, _share(n01, n00)) + _likelihood(n11, n10, _share(n11, n10))
    return 2.0 * (chained - alone)


def rejected(symbol: Index, day: Index, inside: NDArray[np.bool_], level: float) -> tuple[float, float]:
    """Return the share of symbols whose intervals either test rejects at 5 %: Kupiec, Christoffersen.

    A transition counts only between neighbouring sessions. NaN where no symbol has enough sessions.
    """
    order = np.lexsort((day, symbol))
    miss, symbol, day = (~inside[order]).astype(np.intp), symbol[order], day[order]
    n = np.bincount(symbol).astype(np.float64)
    enough = n >= FEWEST_TO_TEST
    if not enough.any():
        return nan, nan
    misses = np.bincount(symbol, weights=miss).astype(np.float64)
    often = kupiec(n[enough], misses[enough], level) > CRITICAL
    follows = (symbol[1:] == symbol[:-1]) & (day[1:] == day[:-1] + 1)
    kind = (4 * symbol[1:] + 2 * miss[:-1] + miss[1:])[follows]
    counts = np.bincount(kind, minlength=4 * len(n)).reshape(-1, 4)[enough].astype(np.float64)
    in_runs = christoffersen(*counts.T) > CRITICAL
    return float(often.mean()), float(in_runs.mean())


def _likelihood(yes: Array, no: Array, chance: Array | float) -> Array:
    """Return yes ln(chance) + no ln(1 - chance), where nothing times ln(0) is nothing."""
    chances = np.broadcast_to(np.asarray(chance, dtype=np.float64), yes.shape)
    of_yes = np.log(chances, out=np.zeros(yes.shape), where=yes > 0)
    of_no = np.log1p(-chances, out=np.zeros(no.shape), where=no > 0)
    return yes * of_yes + no * of_no


def _share(yes: Array, no: Array) -> Array:
    return np.divide(yes, yes + no, out=np.zeros(yes.shape), where=yes + no > 0)
