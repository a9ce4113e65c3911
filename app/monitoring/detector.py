"""A sequential test by betting, of whether the mean of a bounded series has risen above what is allowed.

A gambler who stakes the same share of his capital each session against the claim `E[x | past] <= allowed` can't expect
to win while it holds: his capital is an e-process (Waudby-Smith & Ramdas 2023, "Estimating means of bounded random
variables by betting"). One gambler starts each session, for the claim may break on any of them, and the sum of their
capitals is an e-detector (Shin, Ramdas & Rinaldo 2023, "E-detectors", of Shiryaev-Roberts type): it expects at most one
more unit a session. So by Ville's inequality, while the claim holds,

    P(an alarm within n sessions) <= n / threshold,

whatever the distribution, and however one looks at it in between. Nothing is assumed about independence: `x` is one
figure a session, for symbols of one day aren't independent.

The same claim on parts of the symbols is watched beside the whole at no cost in false alarms: a weighted mean of
e-values is one, however they depend on each other (Vovk & Wang 2021, "E-values: calibration, combination and
applications"), so the weighted mean of the detectors expects at most one more unit a session too. It calls no later
than a detector of each part would, each given its weight of the rate (Bonferroni).
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

    `value` is in units of the threshold: 1 is an alarm. `parts` is what each part adds to it (session by part).
    """

    value: Array
    parts: Array
    alarms: tuple[int, ...]


def detect(series: Array, allowed: Array, lowest: float, false_alarms: float, weights: Array) -> Detected:
    """Watch session figures that are never below `lowest`: one column a part, NaN where a part has nothing that day.

    `allowed` is the largest mean that is claimed of each part, `weights` add up to 1. `false_alarms` bounds the
    probability of an alarm within a year (252 sessions) while all these claims hold.
    """
    stakes = np.array(STAKES) / (allowed - lowest)[:, None]
    factors = 1.0 + stakes * np.nan_to_num(series - allowed)[:, :, None]
    scale = weights * false_alarms / YEAR / len(STAKES)
    capital = np.zeros_like(stakes)
    parts, alarms = np.zeros_like(series), []
    for at, factor in enumerate(factors):
        capital = (1.0 + capital) * factor
        parts[at] = capital.sum(axis=1) * scale
        if parts[at].sum() >= 1.0:
            alarms.append(at)
            capital[:] = 0.0
    return Detected(parts.sum(axis=1), parts, tuple(alarms))
