"""A small market behind the source protocol: Yahoo as it would have answered on a day, with faults on request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from threading import Lock

import polars as pl

from app.core.clock import Calendar, calendar
from app.prices.frame import ACTION_SCHEMA, BAR_SCHEMA, PRICES, REPORTED_SCHEMA, no_actions
from app.prices.sources.protocol import Fetched, FetchFailed, NoBars, NoDays, NoSuchSymbol

SESSIONS = calendar().between(date(2020, 7, 1), date(2020, 12, 31))
SPLIT = date(2020, 8, 31)


def evening(day: date) -> datetime:
    """Return an instant on that day after its bar is final in New York."""
    return datetime(day.year, day.month, day.day, 22, tzinfo=UTC)


def bars(symbol: str, sessions: tuple[date, ...] = SESSIONS, level: float = 100.0) -> pl.DataFrame:
    """Return unexciting bars: a slow zigzag whose values tell the session apart."""
    steps = pl.Series(range(len(sessions)), dtype=pl.Float64)
    close = level * (1 + 0.001 * steps + 0.01 * (steps % 3))
    return pl.DataFrame(
        {
            "symbol": [symbol] * len(sessions),
            "session": list(sessions),
            "open": close * 0.998,
            "high": close * 1.02,
            "low": close * 0.98,
            "close": close,
            "volume": (1000 + steps).cast(pl.Int64),
            "adj_close": close,
        },
        schema=BAR_SCHEMA,
    )


@dataclass
class Market:
    """Bars by symbol on their newest basis; `today` is the market's day, splits after it haven't happened yet."""

    bars: dict[str, pl.DataFrame]
    today: date = SESSIONS[-1]
    splits: dict[str, list[tuple[date, float]]] = field(default_factory=dict)
    fault: Callable[[str], FetchFailed | None] = lambda _: None
    spoil: Callable[[pl.DataFrame], pl.DataFrame] = lambda frame: frame
    apply_splits: bool = True
    asked: list[tuple[str, date | None]] = field(default_factory=list)
    name: str = "yahoo"
    _lock: Lock = field(default_factory=Lock)

    __hash__ = object.__hash__

    @property
    def exchange(self) -> Calendar:
        """Return New York's calendar."""
        return calendar()

    def fetch(self, symbol: str, start: date | None = None, end: date | None = None, timeout_s: float = 1.0) -> Fetched:
        """Answer as of `today`."""
        assert timeout_s > 0
        with self._lock:
            self.asked.append((symbol, start))
        if (failure := self.fault(symbol)) is not None:
            raise failure
        if symbol not in self.bars:
            raise NoSuchSymbol(f"no {symbol} here")
        frame = self.bars[symbol].filter(pl.col("session") <= self.today)
        past, later = no_actions(), []
        for session, ratio in self.splits.get(symbol, []):
            if session > self.today:
                later.append((session, ratio))
            else:
                row = pl.DataFrame({"session": [session], "kind": ["split"], "value": [ratio]}, schema=ACTION_SCHEMA)
                past = pl.concat([past, row])
        for session, ratio in later if self.apply_splits else []:
            frame = before_split(frame, session, ratio)
        inside = frame.filter(pl.col("session").is_between(start or date.min, end or date.max))
        if inside.is_empty():
            raise NoBars(f"no bars of {symbol}")
        events = past.filter(pl.col("session").is_between(start or date.min, end or date.max))
        return Fetched(self.spoil(inside), events, f"{symbol} Inc.", "XNYS", "USD")


def before_split(frame: pl.DataFrame, session: date, ratio: float) -> pl.DataFrame:
    """Undo a split in the bars before it, as they looked before it happened."""
    earlier = pl.col("session") < session
    return frame.with_columns(
        *(
            pl.when(earlier).then(pl.col(name) * ratio).otherwise(pl.col(name)).alias(name)
            for name in (*PRICES, "adj_close")
        ),
        pl.when(earlier).then((pl.col("volume") / ratio).cast(pl.Int64)).otherwise(pl.col("volume")).alias("volume"),
    )


@dataclass
class MarketWithEarnings(Market):
    """A market that tells earnings days too, as they stand on `today`: past ones, and those of the next 100 days."""

    days: dict[str, list[tuple[date, str]]] = field(default_factory=dict)
    page_fault: Callable[[str], FetchFailed | None] = lambda _: None
    calendar_fault: Callable[[], FetchFailed | None] = lambda: None
    questions: list[str] = field(default_factory=list)

    __hash__ = object.__hash__

    def past_days(self, symbol: str, timeout_s: float) -> pl.DataFrame:
        """Answer as a symbol's page does."""
        assert timeout_s > 0
        self.questions.append(symbol)
        if (failure := self.page_fault(symbol)) is not None:
            raise failure
        if symbol not in self.days:
            raise NoDays(f"no earnings days of {symbol}")
        return self._told([symbol])

    def days_to_come(self, symbols: Sequence[str], start: date, end: date, timeout_s: float) -> pl.DataFrame:
        """Answer as the calendar does."""
        assert timeout_s > 0
        self.questions.append("calendar")
        if (failure := self.calendar_fault()) is not None:
            raise failure
        return self._told(symbols).filter(pl.col("date").is_between(start, end))

    def _told(self, symbols: Sequence[str]) -> pl.DataFrame:
        shown = self.today + timedelta(days=100)
        rows = [
            (symbol, day, timing, None)
            for symbol in symbols
            for day, timing in self.days.get(symbol, [])
            if day <= shown
        ]
        return pl.DataFrame(rows, schema=REPORTED_SCHEMA, orient="row")
