"""How values read on a page: tabular, signed, never NaN; a dash where nothing is known."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime

from markupsafe import Markup, escape

from app.core import public
from app.core.public import MINUS, PER_CENT, counted

UNKNOWN = public.UNKNOWN
day, percent = public.day, public.percent
_SMALL = 1.0
_WIDER, _CALMER = 1.25, 0.8


def price(value: float | None) -> str:
    """Write two decimals and thousands apart; four below one unit of money."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{value:,.2f}" if abs(value) >= _SMALL else f"{value:.4f}"


def signed(value: float | None, digits: int = 2) -> str:
    """Write a change as a percentage with its sign, a real minus; what rounds to nothing has none."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    text = f"{abs(value) * 100:.{digits}f}"
    sign = "" if float(text) == 0 else "+" if value > 0 else MINUS
    return f"{sign}{text}{PER_CENT}"


def direction(value: float | None, digits: int = 2) -> str:
    """Return `up`, `down` or `flat`, by what the signed percentage shows."""
    text = signed(value, digits)
    return "up" if text.startswith("+") else "down" if text.startswith(MINUS) else "flat"


def arrow(value: float | None, digits: int = 2) -> str:
    """Return the arrow that goes with the sign, so that colour is never the only difference."""
    return {"up": "↑", "down": "↓", "flat": ""}[direction(value, digits)]


def ratio(value: float | None, digits: int = 3) -> str:
    """Write a plain ratio, such as an MAE against the random walk's."""
    return UNKNOWN if value is None or not math.isfinite(value) else f"{value:z.{digits}f}".replace("-", MINUS)


def whole(value: float | None) -> str:
    """Write a count, thousands apart."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def instant(value: datetime | None) -> str:
    """Write an instant to the minute, in UTC."""
    if value is None:
        return UNKNOWN
    utc = value.astimezone(UTC)
    return f"{utc.day} {utc:%b %Y, %H:%M} UTC"


def iso(value: date | datetime | None) -> str:
    """Write what a machine reads in a `datetime` attribute; instants end in Z."""
    if value is None:
        return ""
    return public.iso(value) if isinstance(value, datetime) else value.isoformat()


def span(seconds: float | None) -> str:
    """Write a duration: 4 s, 2 min 5 s, 3 h 12 min."""
    if seconds is None:
        return UNKNOWN
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def source(name: str | None) -> str:
    """Name where prices came from, as it reads inside a sentence."""
    known = {"yahoo": "Yahoo", "sample": "the bundled sample", "file": "imported files"}
    return UNKNOWN if name is None else known.get(name, name)


def sentence(text: str) -> str:
    """Return the text with its first letter as a capital."""
    return text[:1].upper() + text[1:]


def factor(log_ratio: float) -> float:
    """Return what a log ratio multiplies by, less one: 0.1 for a tenth more."""
    return math.expm1(log_ratio)


def way(ratio: float) -> str:
    """Return `wider`, `calmer` or `usual`, by the ratio of an expected move to the usual one as it is shown."""
    shown = round(ratio, 2)
    return "wider" if shown >= _WIDER else "calmer" if shown <= _CALMER else "usual"


def code(text: str) -> Markup:
    """Set what stands between backticks as code, the rest escaped."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped just before


_WRITERS = (
    price,
    percent,
    signed,
    direction,
    arrow,
    ratio,
    whole,
    counted,
    day,
    instant,
    iso,
    span,
    source,
    sentence,
    code,
    factor,
    way,
)
FILTERS = {write.__name__: write for write in _WRITERS}
