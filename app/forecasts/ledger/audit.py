"""Audit: whether the chains of forecasts and scores hold, whole or from where they held last time on."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from uuid import uuid4

from sqlmodel import Session

from app.forecasts.ledger import chain
from app.forecasts.ledger.chain import ChainReport, Mark
from app.forecasts.ledger.tables import ForecastRow, ScoreRow

VERIFIED = "ledger.verified"
"""The file in HOME that remembers how far the chains held: beside the store, so that what changes one misses it."""
_TABLES = (ForecastRow, ScoreRow)


def verify_chain(db: Session) -> list[ChainReport]:
    """Recompute every hash of forecasts and scores."""
    return [chain.verify(db, table) for table in _TABLES]


def verify_newer(db: Session, home: Path) -> list[ChainReport]:
    """Recompute the hashes of the rows that came since they held last, and remember how far they hold now.

    A change of an older row isn't seen, unless it is the last one looked at: for that there is `verify_chain`.
    """
    known = _read(home)
    reports = [chain.verify(db, table, known.get(str(table.__tablename__), Mark())) for table in _TABLES]
    if all(report.intact for report in reports):
        _write(home, {report.table: report.mark for report in reports})
    return reports


def _read(home: Path) -> dict[str, Mark]:
    try:
        return {table: Mark(**mark) for table, mark in json.loads((home / VERIFIED).read_bytes()).items()}
    except (OSError, ValueError, TypeError, AttributeError):  # not there yet, or not ours: look at everything
        return {}


def _write(home: Path, marks: dict[str, Mark]) -> None:
    beside = home / f".{VERIFIED}.{uuid4().hex}.part"
    try:
        beside.write_text(json.dumps({table: asdict(mark) for table, mark in marks.items()}) + "\n")
        beside.replace(home / VERIFIED)
    except OSError:  # a folder that can't be written: the next look begins at the same place
        beside.unlink(missing_ok=True)
