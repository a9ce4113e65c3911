"""Drawings of the record that need no script: promised against held, coverage and savings over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from app.forecasts.ledger.calibration import Held, OverTime
from app.web.figures.drawing import Axis

SIZE = 240.0
WIDTH, HEIGHT = 640.0, 200.0
_MOST_POINTS = 400


@dataclass(frozen=True)
class Line:
    """A polyline: its name, its token of colour, and its points."""

    name: str
    key: str
    points: str


@dataclass(frozen=True)
class Lines:
    """Lines over sessions on one axis of values, with the values at which a reader's eye is helped."""

    lines: tuple[Line, ...]
    guides: tuple[tuple[float, float], ...]
    """Value and place of each guide."""
    first: date
    last: date


def reliability(held: Sequence[Held]) -> tuple[tuple[float, float], ...]:
    """Return the dots of a square diagram: promised to the right, held upwards."""
    axis = Axis(0.0, 1.0, 0.0, SIZE)
    return tuple((axis.at(one.promised), round(SIZE - axis.at(one.held), 1)) for one in held)


def coverage(sessions: Sequence[OverTime]) -> Lines | None:
    """Draw the coverage of each level over time; None before the first whole window."""
    known = [one for one in sessions if one.coverage_80 is not None]
    if len(known) < 2:  # noqa: PLR2004 - a line has two ends
        return None
    series = {
        ("50 % band", "average-2"): [one.coverage_50 or 0.0 for one in known],
        ("80 % band", "forecast"): [one.coverage_80 or 0.0 for one in known],
        ("95 % band", "average-1"): [one.coverage_95 or 0.0 for one in known],
    }
    return _lines(series, known, 0.3, 1.0, (0.5, 0.8, 0.95))


def savings(sessions: Sequence[OverTime]) -> Lines | None:
    """Draw what distribution and point have saved against the random walk, cumulated, in basis points."""
    if len(sessions) < 2:  # noqa: PLR2004 - a line has two ends
        return None
    series = {
        ("distribution (CRPS)", "forecast"): [one.crps_saved for one in sessions],
        ("point (absolute error)", "average-1"): [one.error_saved for one in sessions],
    }
    values = [value for line in series.values() for value in line]
    low, high = min(0.0, *values), max(0.0, *values)
    return _lines(series, sessions, low, high, (0.0, *((low, high) if high > low else ())))


def _lines(
    series: dict[tuple[str, str], list[float]],
    sessions: Sequence[OverTime],
    low: float,
    high: float,
    guides: Sequence[float],
) -> Lines:
    across, up = Axis(0.0, len(sessions) - 1.0, 0.0, WIDTH), Axis(low, high, HEIGHT - 6.0, 6.0)
    step = -(-len(sessions) // _MOST_POINTS)
    places = sorted({*range(0, len(sessions), step), len(sessions) - 1})
    lines = tuple(
        Line(name, key, " ".join(f"{across.at(place)},{up.at(values[place])}" for place in places))
        for (name, key), values in series.items()
    )
    return Lines(lines, tuple((value, up.at(value)) for value in guides), sessions[0].session, sessions[-1].session)
