"""The earnings day: is the target session the one that trades results first, and how did the symbol react before.

Without events all of it is 0: nothing is known, and nothing is said. Two sessions may react to a day's results; which
of them does is known from the company's timing, or learnt from the symbol's own past: in which of the two it moved
more. A past reaction is the log of that session's range over the usual one of the 66 bars before. Patell & Wolfson
(1984), Beaver (1968): results move prices, on days that are public before. earnings_until and earnings_since count
sessions from the target to the next results and from the last ones, up to FAR.
"""

from __future__ import annotations

import numpy as np

from app.features.engine.feature import MONTH, Feature, family, first_of_mean
from app.features.engine.panel import Panel, cached, sums
from app.features.engine.windows import Matrix, Sums, lag
from app.features.indicators.returns import absolute
from app.features.indicators.volatility import log_range, range_, variance
from app.features.market.event_days import FAR

REACH = 520
"""Bars in which a symbol's past reactions count: about eight quarters."""
_QUARTER = 66
_WINDOW = REACH + _QUARTER + 2
_PSEUDO = 3.0
"""Pseudo-events of no deviation that a symbol's own reactions are shrunk by."""
_USUAL, _USUAL_MARKET = -4.0, -4.5
"""Log standard deviations that the levels on event sessions are measured from."""
_RECENT = 100
"""Bars in which a symbol with known dates has had results: longer than a quarter."""


@cached
def _past(panel: Panel) -> Matrix:
    """Return 1 at the later session of a past earnings day, once there is a usual range to compare with."""
    there = panel.own("past").copy()
    there[:, : MONTH + 2] = 0.0
    return there


def _reaction(panel: Panel) -> Matrix:
    """Return log(range / usual range) of the session that reacted, by timing, at the day's later session."""
    usual = lag(range_(panel, _QUARTER), 1, 0.0)
    late = log_range(panel) - usual
    early = lag(late, 1, 0.0)
    share = panel.own("past_share")
    chosen = np.where(share > 0.5, late, np.where(share < 0.5, early, np.maximum(late, early)))  # noqa: PLR2004
    return np.where(_past(panel) > 0.0, chosen, 0.0)


def _later_moved_more(panel: Panel) -> Matrix:
    """Return 1 at a past day's later session where that one moved more than the earlier, in units of its own risk."""
    size = absolute(panel) / np.exp(lag(range_(panel, _QUARTER), 1, 0.0))
    return np.where(size > lag(size, 1, 0.0), _past(panel), 0.0)


@cached
def _count(panel: Panel) -> Matrix:
    return Sums(_past(panel)).over(REACH)


@cached
def learnt(panel: Panel) -> Matrix:
    """Return how likely the target is the session that reacts, by where the symbol moved more in the past.

    (wins of the later session + 0.5) / (past days + 1), or one less that where the target is the earlier one; 0 where
    no results are due. Window 588 bars; unit probability; first valid row 22.
    """
    wins = Sums(_later_moved_more(panel)).over(REACH)
    share = (wins + 0.5) / (_count(panel) + 1.0)
    share = np.where(panel.own("due_later") > 0.0, share, 1.0 - share)
    share = np.where(panel.own("due_only") > 0.0, 1.0, share)
    return panel.own("due") * share


@cached
def day(panel: Panel) -> Matrix:
    """Return how likely the target is the session that trades results first: by timing, or learnt where none is known.

    Window 588 bars; unit probability; first valid row 22.
    """
    share = np.where(panel.own("due_unknown") > 0.0, learnt(panel), panel.own("due_share"))
    return panel.own("due") * share


def beside(panel: Panel) -> Matrix:
    """Return how likely the target is only the other of the two sessions.

    Window 588 bars; unit probability; first valid row 22.
    """
    return panel.own("due") - day(panel)


def past(panel: Panel) -> Matrix:
    """Return the symbol's mean past reaction, shrunk by three pseudo-events, on a target that trades results.

    Window 588 bars; unit log ratio times a probability; first valid row 22.
    """
    return day(panel) * sums(panel, _reaction).over(REACH) / (_count(panel) + _PSEUDO)


def seen(panel: Panel) -> Matrix:
    """Return how far the symbol's own reactions count, n / (n + 3), on a target that trades results.

    Beside `past` it lets a linear model choose the pooled reaction that the symbol's own is shrunk to. Window 588
    bars; unit share; first valid row 22.
    """
    return day(panel) * _count(panel) / (_count(panel) + _PSEUDO)


def heat(panel: Panel) -> Matrix:
    """Return range_22 - range_250 on a target that trades results: a jump doesn't grow with the usual moves."""
    return day(panel) * (range_(panel, MONTH) - range_(panel, 250))


def level(panel: Panel) -> Matrix:
    """Return range_250, 4 added, on a target that trades results."""
    return day(panel) * (range_(panel, 250) - _USUAL)


def market_level(panel: Panel) -> Matrix:
    """Return market_range_22, 4.5 added, on a target that trades results; 0 on others, whatever the market is."""
    due = day(panel)
    return np.where(due > 0.0, due * (panel.by_session("market_range_22") - _USUAL_MARKET), 0.0)


@cached
def known(panel: Panel) -> Matrix:
    """Return 1 where the symbol's dates are known: results are known to come, or came in the last 100 bars.

    Window 100 bars; flag; first valid row 0.
    """
    recent = Sums(panel.own("past")).over(_RECENT) > 0.0
    return np.where(recent | (panel.own("ahead") > 0.0), 1.0, 0.0)


def quiet(panel: Panel, window: int) -> Matrix:
    """Return half the log of the mean variance of sessions without results, less range_w; 0 where all had some.

    What results did to a window says little of the next session. Window window + 1 bars; unit log ratio; first valid
    row min(window, 22), over what there is.
    """
    rest = sums(panel, _is_quiet).over(window)
    mean = sums(panel, _quiet_variance).over(window) / np.maximum(rest, 1.0)
    return np.where(rest > 0.0, 0.5 * np.log(mean) - range_(panel, window), 0.0)


def _quiet_variance(panel: Panel) -> Matrix:
    return variance(panel) * _is_quiet(panel)


def _is_quiet(panel: Panel) -> Matrix:
    return 1.0 - panel.own("near")


FEATURES: tuple[Feature, ...] = (
    *(Feature(f"earnings_{of.__name__}", _WINDOW, MONTH, of) for of in (day, beside, learnt, past, seen, heat, level)),
    Feature("earnings_market", _WINDOW, MONTH, market_level),
    Feature("earnings_known", _RECENT, 0, known),
    Feature("earnings_until", 1, 0, lambda panel: panel.own("until", FAR)),
    Feature("earnings_since", FAR + 1, 0, lambda panel: panel.own("since", FAR)),
    *family("quiet_{w}", quiet, (5, 22, 66, 250), first=first_of_mean),
)
