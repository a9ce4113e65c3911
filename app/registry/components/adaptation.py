"""The online correction: sigma's level learns from the latest misses of all symbols together.

After each session the score of the Student-t likelihood says whether the session's returns were larger or smaller than
sigma had them. An exponentially weighted sum of the last scores' means moves log sigma for every symbol (Creal, Koopman
& Lucas 2013; Harvey 2013, without the feedback). It is a pure function of the sessions in its window, so it needs no
stored state and replays to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.registry.components.event import EVENT, is_event
from app.registry.components.panel import Array, Panel, decayed


@dataclass(frozen=True)
class Adaptation:
    """Gain and decay of the correction over the last `2**doublings` sessions; a gain of zero switches it off."""

    gain: float = 0.0
    decay: float = 0.98
    degrees_of_freedom: float = 4.0
    doublings: int = 8
    bound: float = 0.5
    skips_events: bool = False
    """Whether a session that traded a symbol's results teaches nothing of it: such a move is news, not regime."""

    @property
    def features(self) -> tuple[str, ...]:
        """The columns that are read."""
        return (EVENT,) if self.gain and self.skips_events else ()

    @property
    def lookback(self) -> int:
        """The window of scores, and one session for the forecasts behind the first of them."""
        return (1 << self.doublings) + 1 if self.gain else 0

    def level(self, panel: Panel, sigma: Array) -> Array:
        """Return by how much log sigma moves at the close of each of the panel's sessions."""
        before = panel.lagged(sigma, 1, np.nan)
        squares = (panel.realised / before) ** 2
        nu = self.degrees_of_freedom
        known = np.isfinite(squares)
        if self.skips_events:
            known &= ~is_event(panel.lagged(panel.column(EVENT), 1))
        squares[~known] = 0.0
        total, count = panel.by_day((nu + 1.0) * squares / (nu + squares) - 1.0, known)
        moved = self.gain * decayed(total / np.maximum(count, 1.0), self.decay, self.doublings)
        return np.clip(moved, -self.bound, self.bound)
