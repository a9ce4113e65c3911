"""Skill fold by fold, as inline SVG: a version with its intervals, and its contest's other candidates beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.web.figures.drawing import Axis

WIDTH, HEIGHT = 960.0, 240.0
KEYS: Final = ("forecast", "average-1", "average-2", "average-3")
"""Tokens of colour: the version's own, then those of the candidates beside it."""
_EDGE: Final = 8.0
_LINE: Final = 16.0
"""Guides nearer to the zero line than a line of text have no label of their own."""
_SPREAD: Final = 0.56
"""The part of a fold's room over which candidates stand side by side."""

Estimate = tuple[float | None, float | None, float | None]
"""A skill with the bounds of its interval."""


@dataclass(frozen=True)
class Mark:
    """One candidate in one fold: a dot, and the ends of its interval."""

    x: float
    y: float
    top: float
    bottom: float


@dataclass(frozen=True)
class Series:
    """One candidate over all folds."""

    name: str
    key: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Folds:
    """The chart: its series, each fold's place, and the guides of the axis as value and place."""

    series: tuple[Series, ...]
    labels: tuple[tuple[str, float], ...]
    guides: tuple[tuple[float, float], ...]


def folds(names: Sequence[str], skills: Mapping[str, Sequence[Estimate]]) -> Folds | None:
    """Draw candidates' skill by fold, the first one as the version itself; None where no fold is known."""
    known = [bound for own in skills.values() for one in own for bound in one if bound is not None]
    if not names or not known:
        return None
    low, high = min(0.0, *known), max(0.0, *known)
    up, room = Axis(low, high, HEIGHT - _EDGE, _EDGE), (WIDTH - 2 * _EDGE) / len(names)
    shown = list(skills.items())[: len(KEYS)]
    step = room * _SPREAD / len(shown)
    series = tuple(
        Series(name, key, tuple(_marks(own, up, room, (place - (len(shown) - 1) / 2) * step)))
        for place, ((name, own), key) in enumerate(zip(shown, KEYS, strict=False))
    )
    labels = tuple((name, round(_EDGE + (place + 0.5) * room, 1)) for place, name in enumerate(names))
    guides = tuple(
        (value, up.at(value)) for value in (low, 0.0, high) if not value or abs(up.at(value) - up.at(0.0)) > _LINE
    )
    return Folds(series, labels, guides)


def _marks(own: Sequence[Estimate], up: Axis, room: float, aside: float) -> list[Mark]:
    return [
        Mark(
            x=round(_EDGE + (place + 0.5) * room + aside, 1),
            y=up.at(value),
            top=up.at(value if high is None else high),
            bottom=up.at(value if low is None else low),
        )
        for place, (value, low, high) in enumerate(own)
        if value is not None
    ]
