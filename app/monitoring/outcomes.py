"""Outcomes: do live forecasts hold what they promise? Figures of each session, watched by the detector.

Sessions on which results are first traded stand apart where they are known: a band is honestly wider or missed there.
On the others each claim is made of all symbols and, less strictly, of each third of them by the scale of that session's
forecasts, which is known before its close: what holds on the whole can fail a part.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal, get_args

import numpy as np
import polars as pl

from app.forecasts.ledger.events import EVENT, OTHER, Kind
from app.monitoring.detector import detect
from app.registry.components.panel import Array


@dataclass(frozen=True)
class Claim:
    """What is claimed of a group of sessions, and at most how often a year it is called broken while it holds.

    `kind` is `event` for sessions in which results are first traded, else `other`. `allowed` is the largest
    (`is_most`) or smallest mean of `column` over a session's symbols that the claim covers, `in_third` that over a
    third of them (None: no claim). A session's figure is never below `lowest` nor above 1. `excess` is its CRPS over
    the random walk's, less one.
    """

    name: str
    column: str
    kind: Kind
    allowed: float
    is_most: bool
    false_alarms: float
    in_third: float | None = None
    lowest: float = 0.0


_MOST, _LEAST = {"is_most": True}, {"is_most": False}
CLAIMS: Final = (
    Claim("95 % band too narrow", "hit_95", OTHER, 0.945, **_LEAST, false_alarms=0.07, in_third=0.93),
    Claim("80 % band too narrow", "hit_80", OTHER, 0.77, **_LEAST, false_alarms=0.01, in_third=0.75),
    Claim("80 % band too wide", "hit_80", OTHER, 0.88, **_MOST, false_alarms=0.005, in_third=0.90),
    Claim("95 % band too narrow when results come", "hit_95", EVENT, 0.85, **_LEAST, false_alarms=0.005),
    Claim("worse than the random walk", "excess", OTHER, 0.02, **_MOST, false_alarms=0.01, in_third=0.04, lowest=-0.5),
)
"""The outer band tells a change of regime first, and gets most of the rate; the others tolerate more."""
FALSE_ALARMS: Final = sum(claim.false_alarms for claim in CLAIMS)
"""The stated rate of all claims together: at most this probability of any false alarm in a year of 252 sessions."""


Group = Literal["all", "calm", "middle", "wild"]
GROUPS: Final[tuple[Group, ...]] = get_args(Group)
"""All symbols of a session, and its thirds by the scale of their forecasts."""
_WEIGHTS: Final = np.array([3 / 4, 1 / 12, 1 / 12, 1 / 12])
"""Most is the whole's: returns three times as wild are called as soon as without thirds, but for one year in 200."""
FEWEST_FOR_THIRDS: Final = 6


@dataclass(frozen=True)
class Part:
    """How a claim stands in a group of symbols: the mean of its last 21 sessions, and what it adds to the detector."""

    group: Group
    sessions: int
    allowed: float
    recent: float | None
    value: float


@dataclass(frozen=True)
class Watch:
    """How a claim stands: the mean of its last 21 sessions, the detector's value (1 is an alarm), and past alarms.

    `allowed` and `recent` are those of all symbols, `value` is the sum of what the `parts` add. `group` adds most of
    it now, and `alarm_groups` did on each day of an alarm. Reports of versions before this one say nothing of groups.
    """

    name: str
    kind: Kind
    sessions: int
    allowed: float
    recent: float | None
    value: float
    false_alarms: float
    alarms: tuple[date, ...]
    alarm_groups: tuple[Group, ...] = ()
    group: Group = "all"
    parts: tuple[Part, ...] = ()

    def part(self, group: Group) -> Part:
        """Return how the claim stands in a group."""
        return next(one for one in self.parts if one.group == group)

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield what is shown of it: all symbols with the detector's whole value, then each third that has sessions."""
        names = ("sessions", "allowed", "recent", "value")
        yield {"group": "all", **{name: getattr(self, name) for name in names}, "alarms": len(self.alarms)}
        for one in self.parts[1:]:
            if one.sessions:
                yield {**vars(one), "alarms": self.alarm_groups.count(one.group)}


def watch(rows: pl.DataFrame) -> tuple[Watch, ...]:
    """Watch every claim over settled forecasts, as `track_record.settled` returns them."""
    scored = rows.filter(pl.col("crps").is_not_null())
    figures = pl.concat([_figures(scored, pl.lit(0)), _figures(scored, _third()).drop_nulls("group")])
    sessions = {kind: _by_session(figures.filter(kind=kind)) for kind in get_args(Kind)}
    return tuple(_watch(claim, *sessions[claim.kind]) for claim in CLAIMS)


def _third() -> pl.Expr:
    """Return a row's third of its session by sigma, counted as in `GROUPS`; null where there are too few symbols."""
    session = ["kind", "target_session"]
    place = 3 * (pl.col("sigma").rank("ordinal").over(session) - 1) // pl.len().over(session)
    return pl.when(pl.len().over(session) >= FEWEST_FOR_THIRDS).then(1 + place)


def _figures(scored: pl.DataFrame, group: pl.Expr) -> pl.DataFrame:
    """Return a row per session and group: the shares of hits, and the CRPS over the random walk's less one."""
    hits = [pl.col(name).cast(pl.Float64).mean() for name in ("hit_80", "hit_95")]
    excess = (pl.col("crps").sum() / pl.col("crps_random_walk").sum() - 1.0).fill_nan(0.0).clip(-0.5, 0.5)
    return scored.group_by("kind", "target_session", group=group.cast(pl.Int64)).agg(*hits, excess=excess)


def _by_session(figures: pl.DataFrame) -> tuple[pl.Series, dict[str, Array]]:
    """Return the sessions, and of each column its figures by session and group; NaN where a group had nothing."""
    days = figures["target_session"].unique().sort()
    place = days.search_sorted(figures["target_session"]).to_numpy(), figures["group"].to_numpy()
    columns = {claim.column: np.full((len(days), len(GROUPS)), np.nan) for claim in CLAIMS}
    for name, column in columns.items():
        column[place] = figures[name].to_numpy()
    return days, columns


def _watch(claim: Claim, days: pl.Series, columns: dict[str, Array]) -> Watch:
    groups = GROUPS[:1] if claim.in_third is None else GROUPS
    allowed = np.array([claim.allowed if group == "all" else claim.in_third for group in groups], dtype=float)
    series, sign = columns[claim.column][:, : len(groups)], 1.0 if claim.is_most else -1.0
    weights = _WEIGHTS[: len(groups)] / _WEIGHTS[: len(groups)].sum()
    lowest = claim.lowest if claim.is_most else -1.0
    found = detect(sign * series, sign * allowed, lowest, claim.false_alarms, weights)
    now = found.parts[-1] if len(days) else np.zeros(len(groups))
    parts = tuple(
        Part(group, int(known.size), float(limit), float(known[-21:].mean()) if known.size else None, float(value))
        for group, limit, value, known in zip(
            groups, allowed, now, (one[np.isfinite(one)] for one in series.T), strict=True
        )
    )
    return Watch(
        name=claim.name,
        kind=claim.kind,
        sessions=len(days),
        allowed=claim.allowed,
        recent=parts[0].recent,
        value=float(now.sum()),
        false_alarms=claim.false_alarms,
        alarms=tuple(days[at] for at in found.alarms),
        alarm_groups=tuple(groups[int(found.parts[at].argmax())] for at in found.alarms),
        group=groups[int(now.argmax())],
        parts=parts,
    )
