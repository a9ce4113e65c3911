"""Proofs that a feature function obeys the laws of time and unit, for any function from bars to a feature frame.

A feature function takes a bar frame and gives a frame with symbol, session and features, one row per bar. Each proof
returns the breaches it found, none when the law holds: `frame.build` with a calendar bound must return none, and a
planted leak (a centred mean, say) must not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

FeatureFunction = Callable[[pl.DataFrame], pl.DataFrame]

_KEYS = ("symbol", "session")
_PRICES = ("open", "high", "low", "close", "adj_close")
_FEW = 20
"""Breaches named per proof: one per feature is enough to act on."""


@dataclass(frozen=True)
class Breach:
    """One value that isn't what the law says."""

    law: str
    feature: str
    symbol: str
    session: date
    expected: float | None
    found: float | None

    def __str__(self) -> str:
        """Say it in one line."""
        return (
            f"{self.law}: {self.feature} of {self.symbol} on {self.session} "
            f"is {self.found!r}, and was {self.expected!r} before"
        )


def truncation(features: FeatureFunction, bars: pl.DataFrame, sessions: Sequence[date]) -> list[Breach]:
    """Drop every bar after each of `sessions`: the features of that session and before must stay, to the bit."""
    return _past_stays("truncation", features, bars, sessions, lambda later: bars.filter(~later))


def mutation(
    features: FeatureFunction, bars: pl.DataFrame, sessions: Sequence[date], factor: float = 1000.0
) -> list[Breach]:
    """Multiply every price and volume after each of `sessions`: features up to it must stay, to the bit."""
    return _past_stays("mutation", features, bars, sessions, lambda later: _scaled(bars, factor, later, volume=True))


def _past_stays(
    law: str,
    features: FeatureFunction,
    bars: pl.DataFrame,
    sessions: Sequence[date],
    change: Callable[[pl.Expr], pl.DataFrame],
) -> list[Breach]:
    """Compare the features of each session and before with those of bars that `change` altered after it."""
    whole = features(bars)
    found: list[Breach] = []
    for session in sessions:
        later = pl.col("session") > session
        found += _compare(law, whole.filter(~later), features(change(later)).filter(~later))
    return found[:_FEW]


def forgetting(
    features: Callable[[pl.DataFrame], pl.DataFrame], events: pl.DataFrame, closes: Mapping[date, datetime]
) -> list[Breach]:
    """Forget every earnings day first seen after each session's close, and that one ended since: what was known stays.

    `features` takes earnings days (`EVENT_SCHEMA`); `closes` are instants by session.
    """
    whole = features(events)
    found: list[Breach] = []
    for session, close in closes.items():
        ended = pl.when(pl.col("ended_at") <= close).then("ended_at")
        then = events.filter(pl.col("known_at") <= close).with_columns(ended_at=ended)
        past = pl.col("session") <= session
        found += _compare("forgetting", whole.filter(past), features(then).filter(past))
    return found[:_FEW]


def unit(features: FeatureFunction, bars: pl.DataFrame, factor: float = 7.0, tolerance: float = 1e-7) -> list[Breach]:
    """Multiply all prices: every feature must stay, up to float error (relative to 1 or to its own size)."""
    changed = features(_scaled(bars, factor, pl.lit(value=True), volume=False))
    return _compare("unit", features(bars), changed, tolerance)[:_FEW]


def tail(features: FeatureFunction, bars: pl.DataFrame, window: int) -> list[Breach]:
    """Give only each symbol's last `window` bars: the newest row must stay, to the bit."""
    ordered = bars.sort(_KEYS)
    short = features(ordered.group_by("symbol", maintain_order=True).tail(window).select(bars.columns))
    return _compare("tail", _newest(features(bars)), _newest(short))[:_FEW]


def _newest(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.sort(_KEYS).group_by("symbol", maintain_order=True).last().select(frame.columns)


def _scaled(bars: pl.DataFrame, factor: float, where: pl.Expr, *, volume: bool) -> pl.DataFrame:
    """Return the bars with prices (and volume) multiplied where the condition holds."""
    names = [name for name in _PRICES if name in bars.columns]
    scaled = [pl.when(where).then(pl.col(name) * factor).otherwise(pl.col(name)).alias(name) for name in names]
    if volume:
        busier = (pl.col("volume") * int(factor)).alias("volume")
        scaled.append(pl.when(where).then(busier).otherwise(pl.col("volume")).alias("volume"))
    return bars.with_columns(scaled)


def _compare(law: str, expected: pl.DataFrame, found: pl.DataFrame, tolerance: float = 0.0) -> list[Breach]:
    """Return the first difference of each feature; rows that one frame lacks are a difference of all."""
    pairs = expected.join(found, on=_KEYS, how="full", suffix=" found", coalesce=True, maintain_order="left")
    breaches: list[Breach] = []
    for name in expected.columns:
        if not expected.schema[name].is_float():
            continue
        left, right = pl.col(name), pl.col(f"{name} found")
        same = left.eq_missing(right)
        if tolerance:
            same = same | ((left - right).abs() <= tolerance * pl.max_horizontal(left.abs(), pl.lit(1.0)))
        wrong = pairs.filter(~same.fill_null(value=False)).head(1)
        breaches += [
            Breach(law, name, row["symbol"], row["session"], row[name], row[f"{name} found"])
            for row in wrong.iter_rows(named=True)
        ]
    return breaches
