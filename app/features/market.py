"""The market around a symbol: what the day's symbols did together.

Sums over a session's symbols run in the order of the symbols, one after another, over those that have a bar: other
sessions, and symbols that list later, leave them as they are to the bit.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from app.features.panel import Columns, Panel, Table, columns, compute
from app.features.returns import over, ret
from app.features.volatility import garman_klass, log_sd
from app.features.volume import surprise
from app.features.windows import Matrix, Sums

Vector = npt.NDArray[np.float64]


def context(bars: pl.DataFrame) -> pl.DataFrame:
    """Return the market of each session over the symbols of `bars`, sorted by session.

    Columns session (Date), symbols (how many count: bars after a symbol's first), and Float64: ret (mean log return),
    log_sd (mean half log variance), dispersion (half log variance of the returns across symbols), surprise (mean
    volume surprise), breadth (share of symbols that rose), and means of these over the sessions before.
    """
    source = columns(bars)
    first = np.zeros(source.frame.height, dtype=np.bool_)
    first[source.bounds[:-1]] = True
    rows = compute(source, {"ret": ret, "scale": lambda p: log_sd(garman_klass(p)), "surprise": surprise}, {})
    day = _Days(source, ~first)
    mean_ret = day.mean(rows["ret"])
    spread = day.mean((rows["ret"] - mean_ret[source.at]) ** 2)
    daily = {
        "ret": mean_ret,
        "log_sd": day.mean(rows["scale"]),
        "dispersion": log_sd(spread),
        "surprise": day.mean(rows["surprise"]),
        "breadth": day.mean(np.sign(rows["ret"])),
    }
    return pl.DataFrame({"session": source.sessions, "symbols": day.count, **daily, **_windows(daily)})


class _Days:
    """Means over the symbols of each session."""

    def __init__(self, source: Columns, counted: npt.NDArray[np.bool_]) -> None:
        self.at = source.at
        self.counted = counted
        self.size = len(source.sessions)
        self.count = np.bincount(self.at, weights=counted, minlength=self.size)

    def mean(self, x: Vector) -> Vector:
        """Return the mean of x by session; 0 where no symbol counts."""
        # bincount adds row after row, and rows come in the order of the symbols
        return np.bincount(self.at, weights=np.where(self.counted, x, 0.0), minlength=self.size) / np.maximum(
            self.count, 1.0
        )


def _windows(daily: dict[str, Vector]) -> dict[str, Vector]:
    """Return the market's own windows over sessions."""
    sums = {name: Sums(values.reshape(1, -1)) for name, values in daily.items()}
    size = Sums(daily["ret"].reshape(1, -1) ** 2)
    found = {f"{name}_{w}": sums[name].mean(w) for name in ("log_sd", "dispersion") for w in (5, 22, 66)}
    found |= {f"ret_{w}": sums["ret"].over(w) for w in (5, 22, 66)}
    found |= {f"size_{w}": 0.5 * np.log(size.mean(w) + 2e-6) for w in (5, 22, 66)}
    return {name: values.reshape(-1) for name, values in found.items()}


def tables(market: pl.DataFrame, sessions: npt.NDArray[np.datetime64]) -> Table:
    """Return the context's columns for the given sessions; NaN where it doesn't know one, and at the end."""
    known = market["session"].to_numpy().astype("datetime64[D]")
    at = np.searchsorted(known, sessions)
    there = at < len(known)
    there[there] = known[at[there]] == sessions[there]
    found: dict[str, Vector] = {}
    for name in market.columns[1:]:
        if market.schema[name] == pl.Float64:
            values = np.full(len(sessions) + 1, np.nan)
            values[:-1][there] = market[name].to_numpy()[at[there]]
            found[f"market_{name}"] = values
    return found


def excess(panel: Panel) -> Matrix:
    """Return the day's log return less the market's mean.

    Window 2 bars; unit log return; first valid row 1.
    """
    return ret(panel) - panel.by_session("market_ret")


def fall(panel: Panel) -> Matrix:
    """Return the market's fall of the day in units of its quarter's size: min(ret, 0) / sd[66], cut at -4.

    Window 67 sessions of the market; unit standard deviations; first valid row 22.
    """
    return np.clip(
        over(np.minimum(panel.by_session("market_ret"), 0.0), np.exp(panel.by_session("market_size_66"))), -4.0, 0.0
    )
