"""What the page of the track record shows: the score, and by drawings whether forecasts were right about themselves."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session

from app.forecasts.ledger.calibration import Calibration, calibration
from app.forecasts.ledger.forecast import PUBLIC
from app.forecasts.ledger.track_record import TrackRecord, settled, state, summed
from app.web.figures import drawing
from app.web.figures import record as drawn
from app.web.figures.record import Lines


@dataclass(frozen=True)
class Section:
    """The record of one origin, and its drawings; None where there is too little to draw."""

    record: TrackRecord
    calibration: Calibration
    dots: tuple[tuple[float, float], ...]
    bins: tuple[drawing.Bar, ...]
    coverage: Lines | None
    savings: Lines | None


def sections(db: Session) -> list[Section]:
    """Read the record of live forecasts, and of replayed ones; summed up once, until the ledger has more."""
    now = state(db)
    found = _kept.get(now)
    if found is None:
        every = settled(db)
        found = [_section(summed(every, origin), calibration(every.filter(origin=origin))) for origin in PUBLIC]
        _kept.clear()
        _kept[now] = found
    return found


_kept: dict[object, list[Section]] = {}


def _section(total: TrackRecord, found: Calibration) -> Section:
    return Section(
        record=total,
        calibration=found,
        dots=drawn.reliability(found.reliability),
        bins=drawing.histogram(found.pit),
        coverage=drawn.coverage(found.over_time),
        savings=drawn.savings(found.over_time),
    )
