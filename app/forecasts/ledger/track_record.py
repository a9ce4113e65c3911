"""The track record: what the ledger's scores add up to, each figure with its error and its baseline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import isfinite
from typing import Final, cast

import numpy as np
import polars as pl
from sqlmodel import Session, col, func, select

from app.forecasts.ledger import records
from app.forecasts.ledger.events import EVENT, LONGEST_PAUSE, OTHER, with_kind
from app.forecasts.ledger.forecast import PUBLIC, Origin
from app.forecasts.ledger.tables import ForecastRow, ScoreRow
from app.prices import store
from app.registry.components.scores import ratio_interval, wilson

FEWEST_FOR_TERCILES: Final = 30
FEWEST_SESSIONS: Final = 20
"""With fewer sessions than this a block bootstrap only repeats what it has, so no interval is given."""
_FORECAST: Final = {
    "symbol": pl.String,
    "target_session": pl.Date,
    "model_version": pl.String,
    "origin": pl.String,
    "last_close": pl.Float64,
    "sigma": pl.Float64,
}
_NEWEST_SCORE: Final = select(func.max(ScoreRow.seq))
_HITS: Final = {0.5: "hit_50", 0.8: "hit_80", 0.95: "hit_95"}
_SCORE: Final = {
    "realised_return": pl.Float64,
    "abs_error": pl.Float64,
    "abs_error_random_walk": pl.Float64,
    "crps": pl.Float64,
    "crps_random_walk": pl.Float64,
    "pit": pl.Float64,
    "hit_direction": pl.Boolean,
    **dict.fromkeys(_HITS.values(), pl.Boolean),
}


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95 % interval; None where there is too little to say."""

    value: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True)
class Direction:
    """How often the side taken was right, beside `base_rate`: how often always saying "up" would have been."""

    n: int
    hit_rate: Estimate
    base_rate: float | None


@dataclass(frozen=True)
class Coverage:
    """How often the close fell into the interval of a level; `group` is `all` or a part of the rows.

    `calm`, `middle` and `wild` are terciles of the forecasts' own scale; `event` are the sessions in which results were
    first traded, by the earnings days that are known today, and `other` all others.
    """

    level: float
    group: str
    n: int
    share: Estimate


@dataclass(frozen=True)
class TrackRecord:
    """The score of one choice of forecasts of one `origin`; `live` and `replay` count what each has, never mixed.

    `mae` is in parts of the last close. `mae_ratio` and `crps_skill` compare with the random walk on the same rows;
    their intervals come from a moving-block bootstrap over sessions, for stocks of one day aren't independent.
    """

    symbol: str | None
    model: str | None
    days: int | None
    origin: Origin
    n: int
    live: int
    replay: int
    pending: int
    first_target: date | None
    last_target: date | None
    mae: float | None
    mae_ratio: Estimate
    crps_skill: Estimate
    direction: Direction
    coverage: tuple[Coverage, ...]


def state(db: Session) -> tuple[int, int, str]:
    """Return what differs after each change that a record may show: of the ledger, its scores, and earnings days."""
    return records.newest_seq(db), int(db.connection().execute(_NEWEST_SCORE).scalar() or 0), store.events_version(db)


def track_record(
    db: Session,
    symbol: str | None = None,
    model: str | None = None,
    days: int | None = None,
    origin: Origin = "live",
) -> TrackRecord:
    """Sum the scores up; `model` is a name or a version, `days` keeps the calendar days up to the newest target."""
    every = settled(db, symbol, model, origins=(*PUBLIC, origin))
    return replace(summed(every, origin, days), symbol=symbol, model=model)


def summed(every: pl.DataFrame, origin: Origin = "live", days: int | None = None) -> TrackRecord:
    """Sum up rows that `settled` returned, of one origin; the others are counted."""
    rows = every.filter(origin=origin)
    if days is not None and rows.height:
        newest = pl.col("target_session").max()
        rows = rows.filter(pl.col("target_session") > newest - pl.duration(days=days))
    scored = rows.filter(pl.col("crps").is_not_null())
    counts = dict(every.filter(pl.col("crps").is_not_null()).group_by("origin").len().iter_rows())
    targets = scored["target_session"]
    return TrackRecord(
        symbol=None,
        model=None,
        days=days,
        origin=origin,
        n=scored.height,
        live=counts.get("live", 0),
        replay=counts.get("replay", 0),
        pending=rows.height - scored.height,
        first_target=cast("date | None", targets.min()),
        last_target=cast("date | None", targets.max()),
        mae=cast("float | None", scored["abs_error"].mean()),
        mae_ratio=_ratio(scored, "abs_error", "abs_error_random_walk"),
        crps_skill=_complement(_ratio(scored, "crps", "crps_random_walk")),
        direction=_direction(scored),
        coverage=tuple(_coverage(scored)),
    )


def settled(
    db: Session,
    symbol: str | None = None,
    model: str | None = None,
    start: date | None = None,
    origins: Sequence[Origin] = PUBLIC,
) -> pl.DataFrame:
    """Return one row per forecast of these origins, its errors in parts of the last close, null while it isn't scored.

    `kind` is `event` where results are first traded in its target session, as far as is known now. A forecast whose
    model had learnt from its target session (of a symbol that lagged behind, say) proves nothing, and doesn't
    count.
    """
    columns = [col(getattr(ForecastRow, name)) for name in _FORECAST] + [
        col(getattr(ScoreRow, name)) for name in _SCORE
    ]
    learnt_before = col(ForecastRow.target_session) > col(ForecastRow.trained_through)
    query = records.with_score(select(*columns)).where(learnt_before, col(ForecastRow.origin).in_(origins))
    rows = db.connection().execute(records.chosen(query, symbol, model, start)).all()
    frame = pl.DataFrame([tuple(row) for row in rows], schema={**_FORECAST, **_SCORE}, orient="row")
    errors = [name for name in _SCORE if _SCORE[name] == pl.Float64 and name not in {"realised_return", "pit"}]
    since = cast("date | None", frame["target_session"].min())
    events = store.events(db, None if symbol is None else [symbol], start=since and since - LONGEST_PAUSE)
    return with_kind(frame, events, store.exchanges(db)).with_columns(pl.col(errors) / pl.col("last_close"))


def _ratio(rows: pl.DataFrame, above: str, below: str) -> Estimate:
    """Return sum / sum and its bootstrap interval over the target sessions."""
    total = float(rows[below].sum())
    if not total > 0:
        return Estimate(None, None, None)
    daily = rows.group_by("target_session").agg(pl.col(above, below).sum()).sort("target_session")
    ratio = float(rows[above].sum()) / total
    if daily.height < FEWEST_SESSIONS:
        return Estimate(ratio, None, None)
    _, *bounds = ratio_interval(np.arange(daily.height), daily[above].to_numpy(), daily[below].to_numpy())
    return Estimate(ratio, *(bound if isfinite(bound) else None for bound in bounds))


def _complement(ratio: Estimate) -> Estimate:
    """Return 1 - ratio, bounds swapped."""
    value, upper, lower = (None if one is None else 1.0 - one for one in (ratio.value, ratio.lower, ratio.upper))
    return Estimate(value, lower, upper)


def _direction(rows: pl.DataFrame) -> Direction:
    """Judge the sides taken on days with a move; neither a draw nor an abstention counts."""
    sided = rows.filter(pl.col("hit_direction").is_not_null())
    n, hits = sided.height, int(sided["hit_direction"].sum())
    if not n:
        return Direction(0, Estimate(None, None, None), None)
    ups = int((sided["realised_return"] > 0).sum())
    return Direction(n, Estimate(hits / n, *wilson(hits, n)), ups / n)


def _coverage(rows: pl.DataFrame) -> Iterator[Coverage]:
    groups = {"all": rows}
    if rows.height >= FEWEST_FOR_TERCILES:
        low, high = (rows["sigma"].quantile(third, "linear") for third in (1 / 3, 2 / 3))
        groups["calm"] = rows.filter(pl.col("sigma") <= low)
        groups["middle"] = rows.filter((pl.col("sigma") > low) & (pl.col("sigma") <= high))
        groups["wild"] = rows.filter(pl.col("sigma") > high)
    if EVENT in rows["kind"]:
        groups |= {kind: rows.filter(kind=kind) for kind in (EVENT, OTHER)}
    for group, members in groups.items():
        for level, column in _HITS.items():
            yield Coverage(level, group, members.height, _share(members, column))


def _share(rows: pl.DataFrame, column: str) -> Estimate:
    """Return the share of hits; with few sessions its interval takes the rows for independent (Wilson)."""
    n, hits = rows.height, int(rows[column].sum())
    if not n:
        return Estimate(None, None, None)
    both = rows.select("target_session", hit=pl.col(column).cast(pl.Float64), one=pl.lit(1.0))
    blocked = _ratio(both, "hit", "one")
    if blocked.lower is None or blocked.upper is None:
        return Estimate(hits / n, *wilson(hits, n))
    return replace(blocked, upper=min(blocked.upper, 1.0))
