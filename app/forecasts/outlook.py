"""The outlook: what a model says of each symbol's next close, from bars alone; pure, so that it can be replayed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from math import exp, isfinite
from typing import Final, cast

import polars as pl

from app.core.clock import DEFAULT_EXCHANGE, calendar
from app.features import frame
from app.registry.levels import QUANTILE_NAMES
from app.registry.model import Model

MARGIN: Final = 60
"""Sessions that a symbol may lack within the window before the whole history is read for it."""


@dataclass(frozen=True)
class Outlook:
    """A model's distribution of a symbol's next close, as of its last bar; quantiles are closes."""

    symbol: str
    as_of: date
    target_session: date
    last_close: float
    predicted_close: float
    predicted_return: float
    prob_up: float
    sigma: float
    quantiles: tuple[float, ...]
    feature_fingerprint: str


def outlooks(bars: pl.DataFrame, exchanges: Mapping[str, str], model: Model) -> dict[str, Outlook]:
    """Return the outlook of each symbol of a bar frame that has enough history, as of its last bar.

    The symbols of one exchange are each other's market. One whose features or forecast aren't finite is left out.
    """
    found: dict[str, Outlook] = {}
    listed = bars.with_columns(exchange=pl.col("symbol").replace_strict(exchanges, default=DEFAULT_EXCHANGE))
    for (exchange,), group in listed.group_by("exchange"):
        features = frame.build(group.drop("exchange"), calendar(str(exchange)), names=_names(model))
        ends = features.group_by("symbol", maintain_order=True).last()
        since = cast("date", ends["session"].min())
        rows = ends.join(model.forecast(features, since), on=["symbol", "session"], how="inner", maintain_order="left")
        found.update((outlook.symbol, outlook) for outlook in _outlooks(rows, model))
    return found


def first_session(last: Mapping[str, date], exchanges: Mapping[str, str], model: Model) -> date | None:
    """Return from which session on bars are needed for the outlooks of symbols with these last bars; None: from all."""
    starts: list[date] = []
    for symbol, session in last.items():
        sessions = calendar(exchanges.get(symbol, DEFAULT_EXCHANGE)).sessions
        at = bisect_right(sessions, session) - window(model) - MARGIN
        if at < 0:
            return None
        starts.append(sessions[at])
    return min(starts, default=None)


def window(model: Model) -> int:
    """Return how many bars of each symbol decide about an outlook."""
    return frame.MAX_WINDOW + model.lookback


def _names(model: Model) -> tuple[str, ...]:
    return tuple(name for name in model.card.features if name in frame.FEATURE_NAMES)


def _outlooks(rows: pl.DataFrame, model: Model) -> Iterator[Outlook]:
    names = _names(model)
    for row in rows.iter_rows(named=True):
        close, returns = float(row["close"]), [float(row[name]) for name in QUANTILE_NAMES]
        numbers = (row["return_log"], row["sigma"], row["prob_up"], *returns)
        if not all(map(isfinite, numbers)):
            continue
        yield Outlook(
            symbol=row["symbol"],
            as_of=row["session"],
            target_session=row["next_session"],
            last_close=close,
            predicted_close=close * exp(row["return_log"]),
            predicted_return=exp(row["return_log"]) - 1.0,
            prob_up=row["prob_up"],
            sigma=row["sigma"],
            quantiles=tuple(close * exp(one) for one in returns),
            feature_fingerprint=frame.fingerprint({name: row[name] for name in names}),
        )
