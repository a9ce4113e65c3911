"""Earnings days laid beside the bars: for each bar, what was known at its close of the days before and ahead.

A day's results are first traded in one of two sessions: reported before the open, in the first session from the day on;
reported after the close, in the first one after the day. A day counts as known from the first close at or after its
`known_at` until the last before its `ended_at`; as past, once the later of its two sessions has closed, where it was
believed at that close. So what is seen, moved or taken back later changes no row before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl

from app.core.clock import Calendar
from app.core.clock import calendar as calendar_of
from app.features.engine.panel import Columns, Days, FrameColumns, Index, Table, Vector, as_days

FAR = 10
"""Sessions until the next results, and since the last, are counted up to here."""
_BEFORE = np.timedelta64(20, "D")
_SHARE = {"amc": 1.0, "bmo": 0.0}
"""How likely the later of the two sessions is the one that reacts, by timing; a half where it isn't known."""

Flags = npt.NDArray[np.bool_]
NAMES = (
    *("past", "past_share", "near", "ahead", "since", "until"),
    *("due", "due_share", "due_unknown", "due_later", "due_only"),
)


@dataclass(frozen=True, eq=False)
class _Reports:
    """Reports of earnings days: symbols by number, sessions by their place on the axis of the calendar.

    `earlier` and `later` are the two sessions that may react, the same one where the day is no session. A report is
    believed at the closes `known` … `ended` - 1.
    """

    symbol: Index
    earlier: Index
    later: Index
    share: Vector
    known: Index
    ended: Index

    def part(self, keep: Flags | Index) -> _Reports:
        """Return some of the reports."""
        return _Reports(**{name: values[keep] for name, values in vars(self).items()})

    def believed(self, at: Index) -> Flags:
        """Return whether each is believed at the close of its session `at`."""
        believed: Flags = (self.known <= at) & (at < self.ended)
        return believed

    @property
    def only(self) -> Flags:
        """Whether there is only one session that may react."""
        same: Flags = self.earlier == self.later
        return same

    @property
    def reacts(self) -> Index:
        """The session that more likely reacts; the later one where nothing is known."""
        return np.where(self.share < 0.5, self.earlier, self.later)  # noqa: PLR2004 - a half knows nothing


def beside(source: FrameColumns, events: pl.DataFrame | None, calendar: Calendar) -> Table:
    """Return columns of `NAMES`, one value a bar; none of them where no event is given.

    past: an earnings day whose later session is the bar's (only where the earlier one is the bar before); past_share:
    how likely that session was the one that reacted; near: 1 in either session; ahead: 1 where results of the symbol
    are known to come; since, until: sessions from the last reaction to the target and from the target to the next, up
    to FAR; due: 1 where the target may react, with its share by timing, whether the timing isn't known, and whether
    it is the later or the only one of the two.
    """
    if events is None or events.is_empty() or not source.sessions.size:
        return {}
    axis = _axis(calendar.exchange)
    reported, rows = _reported(source, events, axis), _Rows(source, axis.days)
    found = {name: np.zeros(len(source.at)) for name in NAMES}
    _note_past(found, reported, rows)
    _note_due(found, reported, rows)
    _note_distance(found, reported, rows)
    return found


@dataclass(frozen=True, eq=False)
class _Axis:
    """All sessions of an exchange, and the instants of their closes."""

    days: Days
    closes: npt.NDArray[np.datetime64]

    def first_close(self, instants: pl.Series) -> Index:
        """Return the place of the first session that closes at or after each instant; the end's for a missing one."""
        return np.searchsorted(self.closes, instants.to_numpy().astype("datetime64[us]"), side="left")


@lru_cache(maxsize=8)
def _axis(exchange: str) -> _Axis:
    known = calendar_of(exchange)
    closes = [known.close_at(session).replace(tzinfo=None) for session in known.sessions]
    return _Axis(as_days(known.sessions), np.array(closes, dtype="datetime64[us]"))


class _Rows:
    """Where the bar of a symbol and session stands."""

    def __init__(self, source: Columns, axis: Days) -> None:
        self._width = len(axis) + 2 * FAR
        symbol = np.repeat(np.arange(len(source.bounds) - 1), np.diff(source.bounds))
        place = np.searchsorted(axis, source.sessions)[source.at]
        self._keys = symbol * self._width + FAR + place

    def before(self, symbol: Index, session: Index) -> Index:
        """Return how many rows stand before that symbol's session."""
        return np.searchsorted(self._keys, symbol * self._width + FAR + np.clip(session, -FAR, self._width - FAR - 1))

    def of(self, symbol: Index, session: Index) -> Index:
        """Return the row, -1 where there is no bar."""
        row = self.before(symbol, session)
        held = np.minimum(row, len(self._keys) - 1)
        return np.where(self._keys[held] == symbol * self._width + FAR + session, held, -1)


def _reported(source: FrameColumns, events: pl.DataFrame, axis: _Axis) -> _Reports:
    """Return the reports about the symbols that have bars, in the order of their certainty."""
    numbers = {symbol: number for number, symbol in enumerate(source.frame["symbol"].gather(source.bounds[:-1]))}
    symbol = np.array([numbers.get(one, -1) for one in events["symbol"]], dtype=np.intp)
    day = events["date"].to_numpy().astype("datetime64[D]")
    earlier, later = (np.searchsorted(axis.days, day, side=side) for side in ("left", "right"))
    share = np.array([_SHARE.get(one, 0.5) for one in events["timing"]])
    ended = np.where(events["ended_at"].is_null(), len(axis.days) + FAR, axis.first_close(events["ended_at"]))
    reports = _Reports(
        symbol, earlier, later, np.where(earlier == later, 1.0, share), axis.first_close(events["known_at"]), ended
    )
    near = np.flatnonzero((symbol >= 0) & (day >= source.sessions.min() - _BEFORE))
    return reports.part(near[np.argsort(np.abs(reports.share[near] - 0.5), kind="stable")])


def _note_past(found: dict[str, Vector], reported: _Reports, rows: _Rows) -> None:
    for session in (reported.earlier, reported.later):
        row = rows.of(reported.symbol, session)
        found["near"][row[(row >= 0) & reported.believed(session)]] = 1.0
    row, before = rows.of(reported.symbol, reported.later), rows.of(reported.symbol, reported.earlier)
    keep = (row >= 0) & reported.believed(reported.later) & (reported.only | (before == row - 1)) & (before >= 0)
    found["past"][row[keep]] = 1.0
    found["past_share"][row[keep]] = reported.share[keep]


def _note_due(found: dict[str, Vector], reported: _Reports, rows: _Rows) -> None:
    """Note what each target may react to; the likelier of two days wins."""
    earlier = np.flatnonzero(~reported.only)
    both = reported.part(np.concatenate([earlier, np.arange(len(reported.symbol))]))
    later = np.arange(len(both.symbol)) >= len(earlier)
    session = np.where(later, both.later, both.earlier) - 1
    share = np.where(later, both.share, 1.0 - both.share)
    row = rows.of(both.symbol, session)
    keep = np.flatnonzero((row >= 0) & both.believed(session))
    keep = keep[np.argsort(share[keep], kind="stable")]
    found["due"][row[keep]] = 1.0
    unknown = share == 0.5  # noqa: PLR2004 - as `_SHARE` has it
    for name, values in (("share", share), ("later", later), ("only", both.only), ("unknown", unknown)):
        found[f"due_{name}"][row[keep]] = values[keep]


def _note_distance(found: dict[str, Vector], reported: _Reports, rows: _Rows) -> None:
    found["since"][:], found["until"][:] = FAR, FAR
    for distance in range(FAR - 1, -1, -1):
        row = rows.of(reported.symbol, reported.reacts - 1 - distance)
        found["until"][row[(row >= 0) & reported.believed(reported.reacts - 1 - distance)]] = distance
    for distance in range(FAR - 1, 0, -1):
        row = rows.of(reported.symbol, reported.reacts - 1 + distance)
        found["since"][row[(row >= 0) & reported.believed(reported.reacts)]] = distance
    start, stop = np.maximum(reported.known, -FAR), np.minimum(reported.later, reported.ended)
    keep = start < stop
    step = np.zeros(len(found["ahead"]) + 1)
    np.add.at(step, rows.before(reported.symbol[keep], start[keep]), 1.0)
    np.add.at(step, rows.before(reported.symbol[keep], stop[keep]), -1.0)
    found["ahead"][:] = np.cumsum(step)[:-1] > 0.0
