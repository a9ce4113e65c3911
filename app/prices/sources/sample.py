"""The bundled sample: five US names, daily, 2000 to 2013, for a first run without a network.

`python -m app.prices.sources.sample stocks.csv.gz` makes `sample.parquet` from the public-domain set that
`SAMPLE.md` names.
"""

from __future__ import annotations

import sys
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import polars as pl

from app.prices.frame import BAR_SCHEMA, conform
from app.prices.sources.protocol import FETCH_TIMEOUT_S, Fetched, NoSuchSymbol

_PATH = Path(__file__).with_name("sample.parquet")
_SPLIT_FROM = 1.5
"""A factor adj_close / close that grows by more than this from one session to the next is a split, not a dividend."""

NAMES = {
    "AAPL": "Apple Inc.",
    "FB": "Facebook, Inc.",
    "GOOG": "Google Inc.",
    "IBM": "International Business Machines Corporation",
    "MSFT": "Microsoft Corporation",
}


@lru_cache(maxsize=1)
def sample_bars() -> pl.DataFrame:
    """Return the sample as a bar frame: AAPL, FB, GOOG, IBM, MSFT, split-adjusted as of its last session."""
    return conform(pl.read_parquet(_PATH))


class SampleSource:
    """The sample as a price source; it knows five symbols and nothing after 2013-03-01."""

    name: ClassVar[str] = "sample"

    def fetch(
        self,
        symbol: str,
        start: date | None = None,
        end: date | None = None,
        timeout_s: float = FETCH_TIMEOUT_S,  # noqa: ARG002 - the protocol's; a file answers at once
    ) -> Fetched:
        """Return the symbol's bars in [start, end]; raises `NoSuchSymbol`."""
        if symbol not in NAMES:
            raise NoSuchSymbol(f"the bundled sample has {', '.join(NAMES)}; {symbol} needs a connection to Yahoo")
        bars = sample_bars().filter(
            pl.col("symbol") == symbol,
            pl.col("session").is_between(start or date.min, end or date.max),
        )
        return Fetched(bars=bars, name=NAMES[symbol], currency="USD")


def make(raw: pl.DataFrame) -> pl.DataFrame:
    """Return the raw set, whose prices are unadjusted, as a split-adjusted bar frame.

    A split shows as a jump of adj_close / close to a multiple (AAPL 2000-06-21 and 2005-02-28, MSFT 2003-02-18, each
    two for one). Prices before it are divided by the ratio and volumes multiplied. `adj_close` also carries splits
    after the last row, so it is put on that row's basis: the newest `adj_close` equals the newest close.
    """
    named = raw.rename(lambda name: name.lower().replace(" ", "_")).rename({"ticker": "symbol", "date": "session"})
    bars = named.with_columns(pl.col("session").str.to_date()).sort("symbol", "session")
    factor = pl.col("adj_close") / pl.col("close")
    growth = (factor / factor.shift(1)).over("symbol", order_by="session").fill_null(1.0)
    split = pl.when(growth > _SPLIT_FROM).then(growth.round(0)).otherwise(1.0)
    bars = bars.with_columns(split.alias("split"))
    # The product of all later splits: everything of the symbol over what has happened up to this row.
    later = pl.col("split").product().over("symbol") / pl.col("split").cum_prod().over("symbol", order_by="session")
    newest = (pl.col("close").last() / pl.col("adj_close").last()).over("symbol", order_by="session")
    adjusted = bars.with_columns(later.alias("later")).with_columns(
        *((pl.col(name) / pl.col("later")).alias(name) for name in ("open", "high", "low", "close")),
        (pl.col("volume") * pl.col("later")).cast(pl.Int64).alias("volume"),
        (pl.col("adj_close") * newest).round(6).alias("adj_close"),
    )
    return conform(adjusted.select(*BAR_SCHEMA))


if __name__ == "__main__":
    make(pl.read_csv(sys.argv[1])).write_parquet(_PATH, compression="zstd", compression_level=19)
