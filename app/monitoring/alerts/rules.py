"""Rules: what can be asked for, how it reads, and what is stored of it."""

from __future__ import annotations

from datetime import datetime
from typing import Final, get_args

from sqlalchemy import delete, insert
from sqlmodel import Session, col, select
from ulid import ULID

from app.core.errors import BadInput, NotThere
from app.core.public import counted, percent
from app.monitoring.alerts.tables import Kind, Rule, RuleRow
from app.prices.symbols import stock
from app.registry.components.levels import INTERVALS

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
LEVELS: Final = ("watch", "degraded", "any")
MOST_RULES: Final = 200
_TAKES: Final[dict[Kind, tuple[str, ...]]] = {
    "verdict": ("level",),
    "stale": ("symbol", "threshold"),
    "band": ("symbol", "threshold"),
    "results": ("symbol",),
    "move": ("symbol", "threshold"),
}
_USUAL: Final = {"stale": 2.0, "band": 0.95, "move": 0.03}
_MOST_SESSIONS: Final = 250


def add(
    db: Session,
    now: datetime,
    kind: Kind,
    *,
    symbol: str | None = None,
    level: str | None = None,
    threshold: float | None = None,
) -> Rule:
    """Store a rule; what isn't said is the usual.

    Errors: `BadInput`, also for what rules of this kind don't take, and `InvalidSymbol`.
    """
    for name, value in (("symbol", symbol), ("level", level), ("threshold", threshold)):
        if value not in {None, ""} and name not in _TAKES[kind]:
            raise BadInput(f"{name}: a rule of kind {kind} takes none, only {' and '.join(_TAKES[kind])}")
    if len(stored(db)) >= MOST_RULES:
        raise BadInput(f"there are {MOST_RULES} rules already: remove one first")
    rule = Rule(
        id=str(ULID()),
        kind=kind,
        symbol=stock(symbol) if symbol else None,
        level=_level(level) if kind == "verdict" else None,
        threshold=_threshold(kind, threshold) if kind in _USUAL else None,
        created_at=now,
    )
    db.connection().execute(insert(RuleRow), dict(rule))
    return rule


def remove(db: Session, rule_id: str) -> None:
    """Remove a rule; its alerts stay. Errors: `NotThere`."""
    removed = db.connection().execute(delete(RuleRow).where(col(RuleRow.id) == rule_id))
    if not removed.rowcount:
        raise NotThere(f"no alert rule has the id {rule_id!r}")


def stored(db: Session) -> list[Rule]:
    """Return the rules, oldest first."""
    rows = db.exec(select(RuleRow).order_by(col(RuleRow.created_at), RuleRow.id))
    return [Rule.model_validate(row) for row in rows]


def told(rule: Rule) -> str:
    """Say in words when a rule alerts."""
    whose = rule.symbol or "a watched symbol"
    size = rule.threshold or 0.0
    if rule.kind == "verdict":
        whichever = {"any": "changes", "watch": "becomes watch or worse", "degraded": "becomes degraded"}
        return f"The verdict {whichever[rule.level or 'any']}"
    return {
        "stale": f"Prices of {whose} lack {counted(size, 'session')} or more",
        "band": f"The close of {whose} leaves its {percent(size, 0)} band",
        "results": f"Results of {whose} come with the next session",
        "move": f"The expected move of {whose} is above {percent(size)}",
    }[rule.kind]


def _level(level: str | None) -> str:
    if level is not None and level not in LEVELS:
        raise BadInput(f"level: {level!r} is none of {', '.join(LEVELS)}")
    return level or LEVELS[0]


def _threshold(kind: str, given: float | None) -> float:
    size = _USUAL[kind] if given is None else given
    if kind == "band" and size not in INTERVALS:
        raise BadInput(
            f"threshold: a band has the level {', '.join(f'{level:g}' for level in INTERVALS)}, not {size:g}"
        )
    if kind == "stale" and not 1.0 <= size <= _MOST_SESSIONS:
        raise BadInput(f"threshold: {size:g} sessions; it is 1 to {_MOST_SESSIONS}")
    if kind == "move" and not 0.0 < size < 1.0:
        raise BadInput(f"threshold: a move is a share such as 0.03, between 0 and 1, not {size:g}")
    return size
