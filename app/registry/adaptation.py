"""The online correction: sigma learns from its own latest misses, by symbol and by market day.

After each session the score of the Student-t likelihood says whether the return was larger or smaller than sigma had
it. An exponentially weighted sum of the last scores moves log sigma (Creal, Koopman & Lucas 2013; Harvey 2013, without
the feedback). It is a pure function of the rows in the window, so it needs no stored state and replays to the bit.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from app.registry.panel import Array, Panel, decayed


@dataclass(frozen=True)
class Adaptation:
    """Gains and decays of the two corrections; a gain of zero switches one off."""

    symbol_gain: float = 0.0
    symbol_decay: float = 0.98
    market_gain: float = 0.0
    market_decay: float = 0.95
    degrees_of_freedom: float = 4.5
    doublings: int = 8
    bound: float = 0.7

    @property
    def lookback(self) -> int:
        """The window of scores, and one row for the forecast behind the first of them."""
        return 2**self.doublings + 1 if self.symbol_gain or self.market_gain else 0

    def corrected(self, panel: Panel, sigma: Array) -> Array:
        """Return sigma, moved by what the sessions up to each row taught."""
        if not self.lookback:
            return sigma
        before = panel.lagged(sigma, 1, np.nan)
        squares = (panel.realised / before) ** 2
        nu = self.degrees_of_freedom
        known = np.isfinite(squares)
        squares[~known] = 0.0
        score = np.where(known, (nu + 1.0) * squares / (nu + squares) - 1.0, 0.0)
        step = self.symbol_gain * panel.decayed(score, self.symbol_decay, self.doublings)
        if self.market_gain:
            total, count = panel.by_day(score, known)
            day = decayed(total / np.maximum(count, 1.0), self.market_decay, self.doublings)
            step = step + self.market_gain * day[panel.day]
        return sigma * np.exp(np.clip(step, -self.bound, self.bound))

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)
