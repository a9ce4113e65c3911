"""Rules that a bar must pass before it is stored; a bar that fails goes to quarantine with the rule's name.

A rule is a function that gives a boolean expression over a checked frame: true where the bar fails. Its docstring says
what it catches. First the rules that look at a bar alone, then,
among those that passed, the rules that look at its neighbours in the same symbol.

A true crash must pass: AAPL fell 52 % on 2000-09-29, AMD rose 52 % on 2016-04-22, in March 2020 everything moved.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import polars as pl

from app.core.clock import DEFAULT_EXCHANGE, calendar
from app.prices.checks.neighbours import is_busy, is_walked, with_neighbours
from app.prices.frame import BAR_SCHEMA, PRICES
from app.prices.symbols import SERIES_MARK

HELD_SCHEMA: Final[dict[str, pl.DataType]] = {**BAR_SCHEMA, "rule": pl.String(), "detail": pl.String()}
"""A held bar: the bar as it came, the rule it failed, and the values that show it."""

CONTEXT: Final = 70
"""How many stored bars before the new ones the rules want to see."""


@dataclass(frozen=True)
class Rule:
    """A named check: the expression of failing bars, and the line that reports a failure."""

    name: str
    fails: pl.Expr
    detail: str


@dataclass(frozen=True)
class Checked:
    """Bars that passed, and those held with rule and detail (`HELD_SCHEMA`)."""

    good: pl.DataFrame
    held: pl.DataFrame


def _rule(threshold: float, detail: str) -> Callable[[Callable[[float], pl.Expr]], Rule]:
    return lambda rule: Rule(rule.__name__, rule(threshold), detail)


_APART_AT_LEAST = 0.01
_FAR = pl.max_horizontal("open", "close")
_NEAR = pl.min_horizontal("open", "close")


@_rule(0, "open {open}, high {high}, low {low}, close {close}, volume {volume}")
def missing_value(_: float) -> pl.Expr:
    """Catch a price or a volume that is missing or no finite number."""
    return (
        pl.any_horizontal(~pl.col(name).is_finite().fill_null(value=False) for name in PRICES)
        | pl.col("volume").is_null()
    )


@_rule(0, "open {open}, high {high}, low {low}, close {close}, volume {volume}")
def non_positive(limit: float) -> pl.Expr:
    """Catch a price of zero or below, and a negative volume."""
    return pl.any_horizontal(pl.col(name) <= limit for name in PRICES) | (pl.col("volume") < 0)


@_rule(1e-4, "open {open}, close {close} against {low} to {high}")
def ohlc_order(slack: float) -> pl.Expr:
    """Catch an open or close outside low to high by more than rounding (a hundredth of a percent)."""
    above, below = _FAR / pl.col("high") - 1, 1 - _NEAR / pl.col("low")
    return (above > slack) | (below > slack)


@_rule(5, "high {high} against low {low}")
def wild_range(limit: float) -> pl.Expr:
    """Catch a high over five times the low: a stray tick, as in the flash crash of 2010."""
    return pl.col("high") > pl.col("low") * limit


@_rule(0, "{session} is no session of this exchange")
def no_session(_: float) -> pl.Expr:
    """Catch a bar of a day on which the exchange was closed."""
    return ~pl.col("_trades")


@_rule(1, "another row for {session} says something else")
def duplicate(_: float) -> pl.Expr:
    """Catch a session that comes again in the same answer with other values; the last one counts."""
    return pl.struct("symbol", "session").is_duplicated() & ~pl.struct("symbol", "session").is_last_distinct()


@_rule(20, "close {close} beside {_level}, the median of its neighbours")
def currency_slip(slack_pct: float) -> pl.Expr:
    """Catch a close a hundred times (or a hundredth of) the median of the eleven around it, give or take a fifth.

    Pence for pounds, cents for dollars. A change of level that lasts is a change of level and passes.
    """
    factor = pl.col("close") / pl.col("_level")
    low, high = 100 / (1 + slack_pct / 100), 100 * (1 + slack_pct / 100)
    return factor.is_between(low, high) | (1 / factor).is_between(low, high)


@_rule(3, "close {close} beside {_level}, the median of its neighbours")
def off_level(limit: float) -> pl.Expr:
    """Catch a close over three times (or under a third of) the median of the eleven around it.

    In the middle of a history only a stray bar is; the newest bar waits in quarantine until others confirm it, because
    an unannounced split mixes two scales of price.
    """
    factor = pl.col("close") / pl.col("_level")
    return (factor > limit) | (factor < 1 / limit)


@_rule(0, "open, high, low and close repeat those of {_repeated}")
def repeated_bar(_: float) -> pl.Expr:
    """Catch open, high, low and close that are exactly the next session's, or those of the stored one before.

    A bar with one price only is no copy: that is a session without movement.
    """
    same_next = pl.all_horizontal(pl.col(name) == pl.col(f"_next_{name}") for name in PRICES)
    same_last = pl.all_horizontal(pl.col(name) == pl.col(f"_last_{name}") for name in PRICES)
    copied = same_next | (same_last & pl.col("_last_known"))
    return (copied & (pl.col("high") > pl.col("low"))).fill_null(value=False)


@_rule(1.5, "{low} to {high} lies apart from both neighbours, by {_apart} in logs; a usual session spans {_span}")
def jump_reverts(limit: float) -> pl.Expr:
    """Catch a session wholly beyond both its neighbours' ranges, by 1 % and by 1.5 usual ranges: a bar of another day.

    A usual range is the median of ln(high / low) over 60 sessions. A crash isn't caught: the session after it lies at
    the new level. One that is made good the day after is, unless something speaks for it: volume (`is_busy`), its path
    (`is_walked`), or the whole market, which moved there and back so much that the rest is no such distance. Nothing
    speaks for a bar whose four prices are another session's.
    """
    usual = (limit * pl.col("_span")).clip(lower_bound=_APART_AT_LEAST)
    spoken_for = is_busy() | is_walked() | (pl.col("_apart") - pl.col("_market") <= usual)
    return (pl.col("_apart") > usual) & (pl.col("_copied") | ~spoken_for)


ALONE: Final = (missing_value, non_positive, ohlc_order, wild_range, no_session, duplicate)
AMONG: Final = (currency_slip, off_level, repeated_bar, jump_reverts)


def check(
    bars: pl.DataFrame,
    exchange: str = DEFAULT_EXCHANGE,
    known: pl.DataFrame | None = None,
    market: pl.DataFrame | None = None,
) -> Checked:
    """Sort out the bars that fail a rule; `known` are stored bars of the same symbols that stand before them.

    `market` (session, move) says by how much, in logs, the whole market's closes moved from the session before.

    All symbols trade on `exchange`. Stored bars are judged no more, but new ones are held against them. An `adj_close`
    that is no finite positive number becomes null. A series such as a volatility index may leap and fall back, so that
    its bars are judged alone.
    """
    adjusted = pl.col("adj_close")
    sane = bars.with_columns(pl.when(adjusted.is_finite() & (adjusted > 0)).then(adjusted).alias("adj_close"))
    alone, held_alone = _sorted_out(_with_calendar(sane.unique(maintain_order=True), exchange), ALONE)
    series = pl.col("symbol").str.starts_with(SERIES_MARK)
    among, held_among = _sorted_out(with_neighbours(alone.filter(~series), known, market), AMONG)
    good = pl.concat([among.select(*BAR_SCHEMA), alone.filter(series).select(*BAR_SCHEMA)]).sort("symbol", "session")
    return Checked(good, pl.concat([held_alone, held_among]).sort("symbol", "session"))


def _sorted_out(frame: pl.DataFrame, rules: tuple[Rule, ...]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows that pass all rules, and those held under the first one they fail."""
    first = pl.coalesce(pl.when(rule.fails).then(pl.lit(rule.name)) for rule in rules)
    judged = frame.with_columns(first.alias("rule"))
    held = judged.filter(pl.col("rule").is_not_null())
    detail = {rule.name: rule.detail for rule in rules}
    details = [detail[row["rule"]].format_map(_readable(row)) for row in held.iter_rows(named=True)]
    marked = held.with_columns(pl.Series("detail", details, dtype=pl.String)).select(*HELD_SCHEMA)
    return judged.filter(pl.col("rule").is_null()), marked


def _readable(row: dict[str, object]) -> dict[str, object]:
    return {name: f"{value:.6g}" if isinstance(value, float) else value for name, value in row.items()}


def _with_calendar(bars: pl.DataFrame, exchange: str) -> pl.DataFrame:
    sessions = _sessions(exchange)
    known = pl.col("session").is_between(sessions[0], sessions[-1])
    return bars.with_columns((pl.col("session").is_in(sessions.implode()) | ~known).alias("_trades"))


@lru_cache(maxsize=8)
def _sessions(exchange: str) -> pl.Series:
    return pl.Series("session", calendar(exchange).sessions, dtype=pl.Date)
