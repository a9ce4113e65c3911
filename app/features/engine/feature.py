"""What a feature is: a named column with its formula, its reach back in time and its source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

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
            Feature(
                name=self.name.format(w=w),
                formula=self.formula.format(w=w),
                window=self.window(w),
                first=self.first(w),
                unit=self.unit,
                source=self.source,
                group=self.group,
                compute=partial(_at_window, self.compute, w),
            )
            for w in windows
        ]


def _at_window(compute: Callable[[Panel, int], Matrix], window: int, panel: Panel) -> Matrix:
    return compute(panel, window)


def spread(name: str) -> Compute:
    """Return the function that spreads a table's column, one value per session, over the bars."""
    return partial(_by_session, name)


def _by_session(name: str, panel: Panel) -> Matrix:
    return panel.by_session(name)


def month(window: int) -> int:
    """Return the first row of a mean over what there is: a month must be there, a year needn't."""
    return min(window, MONTH)


MONTH = 22
