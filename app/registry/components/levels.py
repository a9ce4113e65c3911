"""The 21 levels at which every forecast is published, and which of them bound the 50, 80 and 95 % intervals."""

from __future__ import annotations

LEVELS: tuple[float, ...] = (0.025, 0.05, *(round(0.10 + 0.05 * step, 2) for step in range(17)), 0.95, 0.975)
QUANTILE_NAMES: tuple[str, ...] = tuple(f"q{round(level * 1000):03d}" for level in LEVELS)

INTERVALS: dict[float, tuple[int, int]] = {0.5: (5, 15), 0.8: (2, 18), 0.95: (0, 20)}
"""Interval level → where its lower and upper bound stand in `LEVELS`."""
