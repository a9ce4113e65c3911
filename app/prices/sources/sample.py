"""The bundled sample: five US names, daily, 2000 to 2013, for a first run without a network (see `SAMPLE.md`)."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import polars as pl

from app.prices.frame import conform
from app.prices.sources.protocol import FETCH_TIMEOUT_S, Fetched, Match, NoSuchSymbol

_PATH = Path(__file__).with_name("sample.parquet")

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

    def search(self, text: str, timeout_s: float) -> list[Match]:  # noqa: ARG002 - as above
        """Return those of the five whose symbol begins with the text, or whose name holds it."""
        wanted = text.strip().upper()
        found = [symbol for symbol, name in NAMES.items() if symbol.startswith(wanted) or wanted in name.upper()]
        return [Match(symbol, NAMES[symbol], None) for symbol in found]
