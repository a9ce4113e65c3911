"""Spelling of symbols, and the one shape of bars."""

from datetime import date

import polars as pl
import pytest

from app.core.errors import BadInput, InvalidSymbol
from app.prices.frame import BAR_SCHEMA, conform
from app.prices.symbols import exchange_of, normalise


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        (" aapl ", "AAPL"),
        ("brk.b", "BRK-B"),
        ("BRK/B", "BRK-B"),
        ("^gspc", "^GSPC"),
        ("eurusd=x", "EURUSD=X"),
        ("vod.l", "VOD.L"),
    ],
)
def test_a_symbol_is_spelled_as_yahoo_does(text: str, symbol: str) -> None:
    """Case, blanks and share classes don't matter."""
    assert normalise(text) == symbol


@pytest.mark.parametrize("text", ["", "AAPL;DROP", "../etc", "A" * 21, "a b", "-A", "é"])
def test_what_is_no_symbol_is_refused(text: str) -> None:
    """Nothing that isn't a ticker passes."""
    with pytest.raises(InvalidSymbol):
        normalise(text)


def test_a_suffix_names_the_exchange() -> None:
    """London's symbols follow London's calendar, bare ones New York's."""
    assert [exchange_of(symbol) for symbol in ("VOD.L", "AAPL", "BRK-B")] == ["XLON", "XNYS", "XNYS"]


def test_conform_orders_casts_and_completes() -> None:
    """Any column order becomes the bar frame, sorted, with a null adj_close where there is none."""
    frame = pl.DataFrame(
        {"volume": [2, 1], "close": [1, 2], "low": [1, 1], "high": [2, 2], "open": [1, 1],
         "session": [date(2020, 1, 3), date(2020, 1, 2)], "symbol": ["A", "A"], "extra": [0, 0]}
    )  # fmt: skip
    conformed = conform(frame)
    assert dict(conformed.schema) == BAR_SCHEMA
    assert conformed["session"].to_list() == [date(2020, 1, 2), date(2020, 1, 3)]
    assert conformed["adj_close"].null_count() == 2


def test_conform_names_what_is_missing() -> None:
    """A frame without closes is refused by name."""
    with pytest.raises(BadInput, match="'open'"):
        conform(pl.DataFrame({"symbol": ["A"], "session": [date(2020, 1, 2)]}))
