"""Ticker symbols in Yahoo's spelling, and the exchange that a symbol's suffix names."""

from __future__ import annotations

import re
from typing import Final

from app.core.clock import DEFAULT_EXCHANGE
from app.core.errors import InvalidSymbol

_SYMBOL: Final = re.compile(r"[A-Z0-9^][A-Z0-9.\-=^]{0,19}")
_SHARE_CLASS: Final = re.compile(r"([A-Z]{1,5})[./]([AB])")
_SHOWN: Final = 40
SERIES_MARK: Final = "^"

SUFFIX_EXCHANGES: Final = {
    "AS": "XAMS", "AX": "XASX", "BO": "XBOM", "BR": "XBRU", "CO": "XCSE", "DE": "XETR", "F": "XFRA", "HE": "XHEL",
    "HK": "XHKG", "KS": "XKRX", "L": "XLON", "LS": "XLIS", "MC": "XMAD", "MI": "XMIL", "NS": "XBOM", "OL": "XOSL",
    "PA": "XPAR", "SA": "BVMF", "SS": "XSHG", "ST": "XSTO", "SW": "XSWX", "SZ": "XSHG", "T": "XTKS", "TO": "XTSE",
    "TW": "XTAI", "V": "XTSE", "VI": "XWBO", "WA": "XWAR",
}  # fmt: skip
"""Yahoo's suffix of a listing outside the United States, and the calendar that it follows."""


def normalise(text: str) -> str:
    """Return the symbol upper-case in Yahoo's spelling: `brk.b` is `BRK-B`, `^gspc` is `^GSPC`.

    Errors: `InvalidSymbol` for what can't be a symbol.
    """
    symbol = text.strip().upper()
    if share_class := _SHARE_CLASS.fullmatch(symbol):
        symbol = f"{share_class[1]}-{share_class[2]}"
    if not _SYMBOL.fullmatch(symbol):
        raise InvalidSymbol(
            f"{text[:_SHOWN]!r} is no ticker symbol: 1 to 20 letters, digits or .-=^ are asked for, as in AAPL or BRK-B"
        )
    return symbol


def is_series(symbol: str) -> bool:
    """Say whether the symbol is a market series such as `^VIX`: stored, charted, read by features, never forecast."""
    return symbol.startswith(SERIES_MARK)


def stock(text: str) -> str:
    """Return the symbol of something that can be watched and forecast, in Yahoo's spelling.

    Errors: `InvalidSymbol` for a market series, and for what can't be a symbol.
    """
    symbol = normalise(text)
    if is_series(symbol):
        raise InvalidSymbol(
            f"{symbol} is a market series: it is stored, charted and read by features, never forecast;"
            " NEXTCLOSE_MARKET_SERIES names those that are fetched"
        )
    return symbol


def is_stock(symbol: str) -> bool:
    """Say whether the text is, letter by letter, a symbol that can be watched and forecast."""
    return _SYMBOL.fullmatch(symbol) is not None and not is_series(symbol)


def exchange_of(symbol: str) -> str:
    """Return the exchange (ISO 10383) that the symbol's suffix names; New York where there is none."""
    return SUFFIX_EXCHANGES.get(symbol.rpartition(".")[2], DEFAULT_EXCHANGE) if "." in symbol else DEFAULT_EXCHANGE
