"""What a feature is: a named column with its formula, its reach back in time and its source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from app.features.engine.panel import Compute, Panel
from app.features.engine.windows import Matrix


@dataclass(frozen=True)
class Feature:
    """One column of the feature frame.

    `window` is the number of newest bars that the value depends on; `first` the symbol's row, from 0, that has the
    first value; both count the symbol's own bars, or the market's sessions where the market is meant.
    """

    name: str
    formula: str
    window: int
    first: int
    unit: str
    source: str
    group: str
    compute: Compute = field(repr=False, compare=False)


@dataclass(frozen=True)
class Family:
    """One feature a window: `{w}` in name and formula stands for it; the bars it needs are worked out from it."""

    name: str
    formula: str
    unit: str
    source: str
    group: str
    compute: Callable[[Panel, int], Matrix]
    window: Callable[[int], int] = lambda w: w + 1
    first: Callable[[int], int] = lambda w: w

    def over(self, *windows: int) -> list[Feature]:
        """Return the family's features for these windows."""
        return [
            Feature(self.name.format(w=w), self.formula.format(w=w), self.window(w), self.first(w),
                    self.unit, self.source, self.group, self._at(w))
            for w in windows
        ]  # fmt: skip

    def _at(self, window: int) -> Compute:
        return lambda panel: self.compute(panel, window)


def column(name: str, first: int, compute: Compute) -> Feature:
    """Return a column that is no feature, but computed as one."""
    return Feature(name, "", 0, first, "", "", "", compute)


def broadcast(name: str) -> Compute:
    """Return the function that spreads a table's column, one value per session, over the bars."""
    return lambda panel: panel.by_session(name)


def first_of_mean(window: int) -> int:
    """Return the first row of a mean over what there is: a month must be there, a year needn't."""
    return min(window, MONTH)


MONTH = 22
