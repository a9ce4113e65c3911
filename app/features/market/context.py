"""The market around a symbol: what the session's symbols did together.

Sums over a session's symbols run in the order of the symbols, one after another, over those that have a bar: other
sessions, and symbols that list later, leave them as they are to the bit.

ret (log return, each cut at 25 %), range (half log variance; Corsi 2009) and volume (log ratio) are means of what the
symbols' own features say, dispersion half the log variance of ret over symbols, breadth the mean sign of ret, overnight
half the log of the squared mean gap. Over w sessions ret is summed, range and dispersion are averaged, rms_return is
half the log mean of ret^2; fall and rise are ret in units of sd66 sqrt(w), cut at 4 (Black 1976).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from app.features.engine.feature import Feature, broadcast, column, compute
from app.features.engine.panel import Columns, Index, Table, Vector, columns
from app.features.engine.windows import Matrix, Sums, highest, lowest
from app.features.indicators.returns import CUT, overnight, ret
from app.features.indicators.volatility import log_range, log_sd
from app.features.indicators.volume import volume_1
from app.features.market import ranks

_LEVEL_WINDOWS = (2, 5, 10, 22, 66, 250)
_WRONG = 0.25
"""A symbol's return counts up to here: one wrong or unadjusted bar can't move the market."""


def context(bars: pl.DataFrame) -> pl.DataFrame:
    """Return the market of each session over the symbols of `bars`, sorted by session.

    Columns session (Date); symbols (how many count: a symbol's first bar has no return and doesn't); Float64 columns,
    named as the features that they become less `market_`; and for every ranked feature the day's values, sorted,
    padded with NaN (an Array each).
    """
    source = columns(bars)
    every = np.ones(source.frame.height)
    later = every.copy()
    later[source.bounds[:-1]] = 0.0
    rows = compute(source, (*_ROWS, *ranks.FEATURES), {})
    # a first bar has a range already: without it the market's first session would have none
    daily = {"range": _means(source, every)(rows["range"]), **_daily(source.at, _means(source, later), rows)}
    return pl.DataFrame(
        {
            "session": source.sessions,
            "symbols": _totals(source, later).astype(np.int64),
            **{name: daily[name] for name in ("volume_1", "breadth", "overnight_1")},
            **_windows(daily),
            **ranks.sorted_by_session(source, rows),
        }
    )


_ROWS = (
    column("ret", 0, lambda panel: np.clip(ret(panel), -_WRONG, _WRONG)),
    column("overnight", 0, lambda panel: np.clip(overnight(panel), -_WRONG, _WRONG)),
    column("range", 0, log_range),
    column("volume", 0, volume_1),
)


def _totals(source: Columns, x: Vector) -> npt.NDArray[Any]:
    """Return the sum of x by session: bincount adds row after row, and rows come in the order of the symbols."""
    return np.bincount(source.at, weights=x, minlength=len(source.sessions))


def _means(source: Columns, weight: Vector) -> Callable[[Vector], Vector]:
    """Return the function from values to their mean by session over the symbols that count; 0 where none does."""
    count = np.maximum(_totals(source, weight), 1.0)
    return lambda x: _totals(source, x * weight) / count


def _daily(at: Index, means: Callable[[Vector], Vector], rows: dict[str, Vector]) -> dict[str, Vector]:
    """Return the means of single sessions."""
    mean = means(rows["ret"])
    around = (rows["ret"] - mean[at]) ** 2
    return {
        "ret": mean,
        "dispersion": log_sd(means(around)),
        "volume_1": means(rows["volume"]),
        "breadth": means(np.sign(rows["ret"])),
        "overnight_1": 0.5 * np.log(means(rows["overnight"]) ** 2 + 4e-6),
    }


def _windows(daily: dict[str, Vector]) -> dict[str, Vector]:
    """Return the market's own windows over sessions, over what there is before the first full one."""
    level, move, dispersion = (daily[name].reshape(1, -1) for name in ("range", "ret", "dispersion"))
    levels, moves, dispersions, squares = Sums(level), Sums(move), Sums(dispersion), Sums(move**2)
    risk = np.sqrt(squares.mean(66) + 2e-6)
    found: dict[str, Matrix] = {"range_1": level, "ret_1": move, "dispersion_1": dispersion}
    found |= {f"range_{w}": levels.mean(w) for w in _LEVEL_WINDOWS}
    found |= {"range_max22": highest(level, 22), "range_min22": lowest(level, 22)}
    found["range_sd22"] = np.sqrt(np.maximum(Sums(level**2).mean(22) - levels.mean(22) ** 2, 0.0))
    found |= {f"dispersion_{w}": dispersions.mean(w) for w in (5, 22)}
    found |= {f"rms_return_{w}": 0.5 * np.log(squares.mean(w) + 2e-6) for w in (5, 22)}
    found |= {f"ret_{w}": moves.over(w) for w in (5, 22, 66)}
    found |= {f"fall_{w}": np.clip(moves.over(w) / (risk * np.sqrt(w)), -CUT, 0.0) for w in (1, 5, 22)}
    found["rise_1"] = np.clip(move / risk, 0.0, CUT)
    return {name: values.reshape(-1) for name, values in found.items()}


def tables(market: pl.DataFrame, sessions: npt.NDArray[np.datetime64]) -> Table:
    """Return the context's columns for the given sessions; NaN where it doesn't know one, and at the end."""
    rows = np.append(positions(market, sessions), -1)
    found = [column for column in market.get_columns() if column.dtype == pl.Float64]
    return {f"market_{column.name}": np.append(column.to_numpy(), np.nan)[rows] for column in found}


def positions(market: pl.DataFrame, sessions: npt.NDArray[np.datetime64]) -> Index:
    """Return for each session its row in the context, -1 where it isn't there."""
    known = market["session"].to_numpy().astype("datetime64[D]")
    rows = np.searchsorted(known, sessions)
    return np.where(np.append(known, np.datetime64("NaT"))[rows] == sessions, rows, -1)


FEATURES = tuple(
    Feature(f"market_{name}", window, 0, broadcast(f"market_{name}"), shared=True)
    for name, window in {
        "ret_1": 2,
        **{f"ret_{w}": w + 1 for w in (5, 22, 66)},
        "range_1": 2,
        **{f"range_{w}": w + 1 for w in _LEVEL_WINDOWS},
        **dict.fromkeys(("range_max22", "range_min22", "range_sd22"), 23),
        "overnight_1": 2,
        "dispersion_1": 2,
        **{f"{name}_{w}": w + 1 for name in ("dispersion", "rms_return") for w in (5, 22)},
        **dict.fromkeys(("fall_1", "fall_5", "fall_22", "rise_1"), 68),
        "volume_1": 69,
        "breadth": 2,
    }.items()
)
