"""Did a source rewrite its history? Compare what it says now with what is stored, and name the reason.

Yahoo gives split-adjusted prices, so at a split every older bar is divided by the ratio; at a dividend every older
`adj_close` moves. Bars of two downloads must never stand side by side on two scales.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from math import log
from typing import Final

import polars as pl

from app.prices.frame import PRICES
from app.prices.store.write import differs

UNIFORM: Final = 0.002
"""Ratios that agree within this are one ratio; the rest is rounding."""
_MOVED: Final = 1e-4
_AGREES: Final = 0.01
_MOST: Final = 0.9
_SLIP: Final = 20.0
_EX_DATE_SLACK: Final = timedelta(days=10)


@dataclass(frozen=True)
class Restatement:
    """What a new download says of stored sessions.

    `moved` counts the differing bars; `factor` is what every stored price must be multiplied by (1.0: same scale);
    `stated` is the factor that the source's own splits announce; `reason` is one line for people.
    """

    moved: int = 0
    factor: float = 1.0
    stated: float = 1.0
    reason: str = "the source corrected it"

    @property
    def rescaled(self) -> bool:
        """Say whether the stored prices stand on another scale than the download's."""
        return abs(self.factor - 1) > _MOVED

    @property
    def announced(self) -> bool:
        """Say whether the source's splits explain the change of scale."""
        return abs(self.factor / self.stated - 1) < _AGREES

    @property
    def absurd(self) -> bool:
        """Say whether the change is of a size that only a slip of currency makes, unannounced."""
        return not self.announced and not 1 / _SLIP < self.factor < _SLIP


def compare(stored: pl.DataFrame, fetched: pl.DataFrame, actions: pl.DataFrame) -> Restatement:
    """Compare a symbol's stored bars with a download of (some of) the same sessions and its actions."""
    both = fetched.join(stored, on=["symbol", "session"], suffix="_known", maintain_order="left")
    moved = both.filter(differs())
    if moved.is_empty():
        return Restatement()
    factor, stated = _factor(both), _stated(actions, stored)
    return Restatement(moved.height, factor, stated, _reason(factor, stated, actions, moved))


def _factor(both: pl.DataFrame) -> float:
    """Return the one ratio of new to stored closes, 1.0 where they share none."""
    ratios = (both["close"] / both["close_known"]).drop_nans()
    middle = ratios.median()
    if not isinstance(middle, float) or middle <= 0:
        return 1.0
    agreeing = ((ratios / middle - 1).abs() < UNIFORM).sum()
    return middle if agreeing >= _MOST * ratios.len() and abs(middle - 1) > _MOVED else 1.0


def _stated(actions: pl.DataFrame, stored: pl.DataFrame) -> float:
    """Return the factor on stored prices that the splits around and after the newest stored bar announce."""
    last = stored["session"].max()
    since = last - _EX_DATE_SLACK if isinstance(last, date) else date.min
    ratio = actions.filter((pl.col("kind") == "split") & (pl.col("session") > since))["value"].product()
    return 1 / ratio if isinstance(ratio, float) else 1.0


def _reason(factor: float, stated: float, actions: pl.DataFrame, moved: pl.DataFrame) -> str:
    if abs(factor - 1) > _MOVED:
        if abs(factor / stated - 1) < _AGREES:
            return f"split {1 / stated:g}:1: older prices times {factor:.6g}"
        return f"the source rescaled all prices by {factor:.6g} without a split that says so"
    same = pl.all_horizontal((pl.col(name) / pl.col(f"{name}_known") - 1).abs() < _MOVED for name in PRICES)
    if moved.filter(~same).is_empty() and not actions.filter(pl.col("kind") == "dividend").is_empty():
        return "dividend: adj_close of older bars moved"
    return "the source corrected it"


def unadjusted(stored: pl.DataFrame, fetched: pl.DataFrame, actions: pl.DataFrame) -> tuple[date, float] | None:
    """Return a split that the source announces after the newest stored bar but hasn't applied to older prices.

    Known from the jump: the first close after the split stands at its ratio to the last one before.
    """
    last = stored["session"].max()
    splits = actions.filter((pl.col("kind") == "split") & (pl.col("session") > last)).sort("session")
    for session, ratio in splits.select("session", "value").iter_rows():
        before = fetched.filter(pl.col("session") < session)["close"]
        after = fetched.filter(pl.col("session") >= session)["close"]
        # Nearer to the ratio than to no change at all, in logs.
        if len(before) and len(after) and abs(log(after[0] / before[-1] * ratio)) < abs(log(after[0] / before[-1])):
            return session, ratio
    return None
