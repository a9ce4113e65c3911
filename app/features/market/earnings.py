"""The rhythm of earnings: a symbol that jumped on high volume a quarter or a year ago is likely to again.

No earnings calendar is needed: an announcement shows in the bars as a move or a range of its own on unusual volume. A
company reports every 13 weeks or so, mostly on the same weekday; so scores are looked up by the calendar day, 13, 26 ..
104 weeks before the session that is forecast, or by sessions, 63, 126, 189, 252 before it. Where a symbol's
dates are known, the guess is worth nothing beside them, and is 0.
"""

from __future__ import annotations

import numpy as np

from app.features.engine.feature import MONTH, Feature, family
from app.features.engine.panel import Compute, Index, Panel, cached, sums, sums_of_squares
from app.features.engine.windows import Matrix, highest, lag, plus
from app.features.indicators.beta import excess
from app.features.indicators.volatility import variance
from app.features.indicators.volume import surprise
from app.features.market.events import known

WEEKS_13 = 91
YEAR, TWO_YEARS = 4 * WEEKS_13, 8 * WEEKS_13
QUARTERS = (63, 126, 189, 252)
RECENT = 35
_WARM = 66
_OF_SCORE = _WARM + 2
"""Bars that one score depends on."""
_OF_CALENDAR = 523 + _OF_SCORE
"""Bars that a score 731 days back depends on: no exchange has more sessions in that time."""


@cached
def score(panel: Panel) -> Matrix:
    """Return how much a session looks like an announcement, 0..1.

    log(1 + size * volume surprise), mapped from 0.6..1.6 to 0..1; size is the larger of |excess| over its root mean
    square and of the bar's range over its own, both of the 66 bars before, up to 8 and 6. Window 68 bars; first valid
    row 66, 0 before.
    """
    move = np.sqrt(sums_of_squares(panel, excess).mean(66) + 1e-6)
    reach = np.sqrt(sums(panel, variance).mean(66))
    moved = np.minimum(np.abs(excess(panel)) / lag(move, 1, 1.0), 8.0)
    ranged = np.minimum(np.sqrt(variance(panel)) / lag(reach, 1, 1.0), 6.0)
    size = np.maximum(moved, ranged)
    found: Matrix = np.clip(np.log1p(size * np.maximum(surprise(panel), 0.0)) - 0.6, 0.0, 1.0)
    found[:, :_WARM] = 0.0
    return found


@cached
def _calendar(panel: Panel) -> tuple[Matrix, Index]:
    """Return the scores laid out by calendar day, and for each bar the place of its target's day in them."""
    day, target = panel.by_session("day"), panel.by_session("target_day")
    there = panel.at >= 0
    first = int(np.min(day, where=there, initial=np.inf))
    width = int(np.max(target, where=there, initial=first)) - first + 1
    rows = np.arange(len(day))[:, None] * width
    grid = np.zeros((len(day), width))
    grid.reshape(-1)[(rows + np.where(there, day - first, 0.0).astype(np.intp))[there]] = score(panel)[there]
    return grid, rows + np.where(there, target - first, 0.0).astype(np.intp)


def _looked_up(panel: Panel, by_day: Matrix) -> Matrix:
    """Return the value of each bar's target day."""
    return by_day.reshape(-1)[_calendar(panel)[1]]


@cached
def _within(panel: Panel) -> dict[int, Matrix]:
    """Return for 0, 1 and 3 days the highest score within as many days, under the last of them."""
    grid, _ = _calendar(panel)
    return {days: highest(grid, 2 * days + 1) for days in (0, 1, 3)}


@cached
def quarters(panel: Panel, days: int) -> Matrix:
    """Return the sum, over 13, 26 .. 104 weeks before the target, of the highest score within `days` days of it.

    Window 591 bars; unit scores, 0..8; first valid row 22, 0 where that far back is nothing.
    """
    total = _within(panel)[days]
    for weeks in (WEEKS_13, 2 * WEEKS_13, 4 * WEEKS_13):
        total = plus(total, total, weeks)
    return _looked_up(panel, lag(total, WEEKS_13 - days, 0.0))


def years_same_day(panel: Panel) -> Matrix:
    """Return the higher score of 52 and of 104 weeks before the target.

    Window 591 bars; unit score, 0..1; first valid row 22, 0 where that far back is nothing.
    """
    scores = _within(panel)[0]
    return _looked_up(panel, np.maximum(lag(scores, YEAR, 0.0), lag(scores, TWO_YEARS, 0.0)))


def years_1_day(panel: Panel) -> Matrix:
    """Return the sum of the highest scores within a day of 52 and of 104 weeks before the target.

    Window 591 bars; unit scores, 0..2; first valid row 22, 0 where that far back is nothing.
    """
    scores = _within(panel)[1]
    return _looked_up(panel, lag(scores, YEAR - 1, 0.0) + lag(scores, TWO_YEARS - 1, 0.0))


@cached
def recent(panel: Panel) -> Matrix:
    """Return the highest score of the last 35 bars: who has just reported doesn't soon again.

    Window 102 bars; unit score, 0..1; first valid row 22.
    """
    return highest(score(panel), RECENT)


def echo(panel: Panel, quarter: int) -> Matrix:
    """Return the highest score within 3 sessions of the one that lies `quarter` sessions before the target.

    Window quarter + 70 bars; unit score, 0..1; first valid row 22, 0 where that far back is nothing.
    """
    return lag(_score_of_week(panel), quarter - 4, 0.0)


@cached
def _score_of_week(panel: Panel) -> Matrix:
    return highest(score(panel), 7)


def _feature(name: str, compute: Compute) -> Feature:
    return Feature(name, _OF_CALENDAR, MONTH, lambda panel: compute(panel) * (1.0 - known(panel)))


FEATURES: tuple[Feature, ...] = (
    _feature("event_same_day", lambda panel: quarters(panel, 0)),
    _feature("event_1_day", lambda panel: quarters(panel, 1)),
    _feature("event_3_days", lambda panel: quarters(panel, 3)),
    _feature("event_1_day_sq", lambda panel: quarters(panel, 1) ** 2 / 4.0),
    _feature("event_year_same_day", years_same_day),
    _feature("event_year_1_day", years_1_day),
    _feature("event_recent", recent),
    _feature("event_due", lambda panel: quarters(panel, 3) * (1.0 - recent(panel))),
    *family("echo_{w}", echo, QUARTERS, lambda w: w + 2 + _OF_SCORE, lambda _: MONTH),
)
