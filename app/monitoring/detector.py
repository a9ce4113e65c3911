"""A sequential test by betting, of whether the mean of a bounded series has risen above what is allowed.

A gambler who stakes the same share of his capital each session against the claim `E[x | past] <= allowed` can't expect
to win while it holds: his capital is an e-process (Waudby-Smith & Ramdas 2023, "Estimating means of bounded random
variables by betting"). One gambler starts each session, for the claim may break on any of them, and the sum of their
capitals is an e-detector (Shin, Ramdas & Rinaldo 2023, "E-detectors", of Shiryaev-Roberts type): it expects at most one
more unit a session. So by Ville's inequality, while the claim holds,

    P(an alarm within n sessions) <= n / threshold,

whatever the distribution, and however one looks at it in between. Nothing is assumed about independence: `x` is one
figure a session, for symbols of one day aren't independent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from app.registry.components.panel import Array

YEAR: Final = 252
"""Sessions that a false-alarm rate is stated for."""
STAKES: Final = (0.5, 0.9)
"""Shares of the largest stake that can't be lost in one session; gamblers of each kind, counted equally."""


@dataclass(frozen=True)
class Detected:
    """The detector's value after each session, and the places of the sessions on which it called; it starts anew then.

    `value` is in units of the threshold: 1 is an alarm.
    """

    value: Array
    alarms: tuple[int, ...]


def detect(series: Array, allowed: float, lowest: float, false_alarms: float) -> Detected:
    """Watch a series of session figures that are never below `lowest`; `allowed` is the largest mean that is claimed.

    `false_alarms` bounds the probability of an alarm within a year (252 sessions) while the claim holds.
    """
    stakes = np.array(STAKES) / (allowed - lowest)
    threshold = YEAR / false_alarms
    capital = np.zeros(len(stakes))
    values, alarms = np.zeros(len(series)), []
    for at, figure in enumerate(series):
        capital = (1.0 + capital) * (1.0 + stakes * (figure - allowed))
        values[at] = capital.mean() / threshold
        if values[at] >= 1.0:
            alarms.append(at)
            capital[:] = 0.0
    return Detected(values, tuple(alarms))
