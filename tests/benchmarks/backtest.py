"""The backtest judged from its file alone: `python tests/benchmarks/backtest.py [FILE ...] [FROM [TO]]`.

Nothing of the program's metrics is used: CRPS, coverage and MAE are worked out again from the Parquet file and the
prices, in returns and in closes. GJR-GARCH(1,1) with Student's t from the package `arch`, fitted for each symbol at
every 63rd session, stands beside it on the same rows where that package can be imported.
"""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
import time
import warnings
from datetime import date
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import polars as pl
from contest import filled

from app.prices import store
from app.training.contest.backtest import run_backtest

LEVELS = np.array([0.025, 0.05, *[round(0.10 + 0.05 * step, 2) for step in range(17)], 0.95, 0.975])
BANDS = {"50": (5, 15), "80": (2, 18), "95": (0, 20)}
REFIT = 63


def crps(quantiles: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    """Return twice the mean pinball loss."""
    miss = outcome[:, None] - quantiles
    return 2 * np.maximum(LEVELS * miss, (LEVELS - 1) * miss).mean(axis=1)


def judge(rows: pl.DataFrame, prices: pl.DataFrame) -> pl.DataFrame:
    """Return each row's loss in returns and in closes, and which bands held the close that came."""
    known = rows.join(prices, on=["symbol", "target_session"])
    quantiles = known.select(name for name in rows.columns if name[0] == "q" and name[1:].isdigit()).to_numpy()
    last, close = known["last_close"].to_numpy(), known["actual"].to_numpy()
    held = {name: (close >= quantiles[:, low]) & (close <= quantiles[:, high]) for name, (low, high) in BANDS.items()}
    return known.select("model", "symbol", "as_of", year=pl.col("target_session").dt.year()).with_columns(
        loss=crps(np.log(quantiles / last[:, None]), np.log(close / last)),
        loss_close=crps(quantiles, close),
        error=np.abs(known["predicted_close"].to_numpy() - close) / last,
        error_base=np.abs(last - close) / last,
        width=np.log(quantiles[:, 18] / quantiles[:, 2]),
        **held,
    )


def garch(bars: pl.DataFrame, like: pl.DataFrame) -> pl.DataFrame | None:
    """Return GJR-GARCH-t forecasts for the random walk's rows, None where `arch` isn't there."""
    try:
        arch = importlib.import_module("arch")
        student = importlib.import_module("scipy.stats").t
    except ImportError:
        print("arch isn't installed: no GJR-GARCH beside the others")
        return None
    warnings.simplefilter("ignore")
    wanted = {key[0]: set(part["as_of"]) for key, part in like.group_by("symbol")}
    found = []
    for (symbol,), own in bars.sort("session").group_by("symbol", maintain_order=True):
        closes, days = own["close"].to_numpy(), own["session"].to_list()
        returns = 100 * np.diff(np.log(closes), prepend=np.log(closes[0]))
        model = arch.arch_model(returns[1:], mean="Constant", vol="GARCH", p=1, o=1, q=1, dist="t")
        fitted = None
        for at, day in enumerate(days):
            if day not in wanted.get(symbol, ()):
                continue
            if fitted is None or at % REFIT == 0:
                params = model.fit(last_obs=at, disp="off", show_warning=False).params
                fixed = model.fix(params)
                path = np.asarray(fixed.conditional_volatility)
                fitted = params
            shock = returns[at] - fitted["mu"]
            variance = fitted["omega"] + fitted["beta[1]"] * path[at - 1] ** 2
            variance += (fitted["alpha[1]"] + fitted["gamma[1]"] * (shock < 0)) * shock**2
            unit = student.ppf(LEVELS, fitted["nu"]) * np.sqrt((fitted["nu"] - 2) / fitted["nu"])
            found.append((symbol, day, *(closes[at] * np.exp((fitted["mu"] + np.sqrt(variance) * unit) / 100))))
    names = [name for name in like.columns if name[0] == "q" and name[1:].isdigit()]
    made = pl.DataFrame(found, schema=["symbol", "as_of", *names], orient="row")
    return like.drop(names).join(made, on=["symbol", "as_of"]).with_columns(model=pl.lit("gjr-garch-t"))


def table(losses: pl.DataFrame) -> None:
    """Print every model's skill against the random walk, by year too, its coverage, and its MAE ratio."""
    base = losses.filter(pl.col("model") == "random_walk")
    for model in losses["model"].unique().sort():
        own = losses.filter(pl.col("model") == model)
        both = own.join(base, on=["symbol", "as_of", "year"], suffix="_rw")
        skill = 100 * (1 - both["loss"].sum() / both["loss_rw"].sum())
        closes = 100 * (1 - both["loss_close"].sum() / both["loss_close_rw"].sum())
        years = {
            year: 100 * (1 - part["loss"].sum() / part["loss_rw"].sum())
            for (year,), part in both.group_by("year", maintain_order=True)
        }
        covered = [100 * own[name].mean() for name in BANDS]
        print(
            f"{model:15s} n {own.height:7d}  skill {skill:6.2f} % (closes {closes:6.2f} %)  "
            f"{'  '.join(f'{year}: {value:5.2f}' for year, value in sorted(years.items()))}  "
            f"bands {'/'.join(f'{share:.1f}' for share in covered)}  "
            f"MAE ratio {own['error'].sum() / own['error_base'].sum():.4f}"
        )


def main() -> None:
    """Run the backtest, then judge its file."""
    files = [one for one in sys.argv[1:] if one.endswith(".parquet")]
    days = [date.fromisoformat(one) for one in sys.argv[1:] if one not in files]
    start, end = (*days, None, None)[:2]
    with tempfile.TemporaryDirectory() as folder:
        _, database = filled(Path(folder), files)
        out = Path(folder) / "backtest.parquet"
        begun = time.perf_counter()
        report = run_backtest(database, out, start, end, REFIT)
        print(f"{report.rows} rows, {report.refits} refits in {time.perf_counter() - begun:.1f} s")
        bars = store.panel(database)
        prices = bars.select("symbol", target_session="session", actual="close")
        rows = pl.read_parquet(out)
        other = garch(bars, rows.filter(pl.col("model") == "random_walk"))
        table(judge(pl.concat([rows, other.select(rows.columns)]) if other is not None else rows, prices))
        database.dispose()


if __name__ == "__main__":
    main()
