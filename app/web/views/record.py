"""What the page of the track record shows: the score, and by drawings whether forecasts were right about themselves."""

from __future__ import annotations

from dataclasses import dataclass

from app.forecasts.ledger import records
from app.forecasts.ledger.calibration import Calibration
from app.forecasts.ledger.track_record import Estimate, TrackRecord, state
from app.web.edge import render
from app.web.edge.deps import Services
from app.web.edge.formats import percent
from app.web.figures import drawing
from app.web.figures import record as drawn
from app.web.figures.record import Lines
from app.web.predictions.outlook import BAND
from app.web.predictions.record import Whole, whole

PAGE = 50
"""Rows of the ledger on a page."""


@dataclass(frozen=True)
class Section:
    """The record of one origin, and its drawings; None where there is too little to draw."""

    record: TrackRecord
    short: tuple[str, ...]
    calibration: Calibration
    dots: tuple[tuple[float, float], ...]
    bins: tuple[drawing.Bar, ...]
    coverage: Lines | None
    savings: Lines | None


@dataclass(frozen=True)
class RecordPage:
    """The page as it reads: the record with its drawings, and a part of the ledger, newest first."""

    sections: str
    ledger: str


def record_page(services: Services, cursor: str | None) -> RecordPage:
    """Render the page, once until the ledger says more; from the second part of the ledger on without the record."""
    with services.database.read() as db:
        said = state(db)

        def render_it() -> RecordPage:
            entries = records.page(db, limit=PAGE, cursor=cursor)
            sections = [_section(one) for one in whole(services).values()] if cursor is None else []
            parts = {"sections": sections, "ledger": entries}
            return RecordPage(**{name: render.macro("record", name)(shown) for name, shown in parts.items()})

        return services.drawn.of(("record", cursor), said, render_it)


def in_short(total: TrackRecord) -> tuple[str, ...]:
    """Say in plain words how good the forecasts were: the bands, the distribution, the point; empty without any."""
    if not total.n:
        return ()
    held = next(one.share for one in total.coverage if one.group == "all" and one.level == BAND)
    skill, ratio = total.crps_skill, total.mae_ratio
    return tuple(
        text
        for text in (
            held.value is not None and f"The 80 % bands {_promised(held)}: {percent(held.value)} of closes lay inside",
            skill.value is not None and f"The distributions were {_closer(skill)}",
            ratio.value is not None and f"The point forecast was {_beat(ratio)}",
        )
        if text
    )


def _promised(held: Estimate) -> str:
    if held.lower is None or held.upper is None:
        return "are measured on too few sessions to judge"
    if held.upper < BAND:
        return "were too narrow"
    return "were wider than they had to be" if held.lower > BAND else "kept their promise"


def _closer(skill: Estimate) -> str:
    beside = "the last close with its usual spread"
    if skill.value is None or skill.lower is None or skill.upper is None:
        return f"measured on too few sessions to be compared with {beside}"
    told = f"{percent(abs(skill.value))} {'closer to' if skill.value > 0 else 'further from'} what came than {beside}"
    return told if skill.lower > 0 or skill.upper < 0 else f"not shown to differ from {beside}"


def _beat(ratio: Estimate) -> str:
    if ratio.lower is None or ratio.upper is None:
        return "measured on too few sessions to be compared with the last close"
    if ratio.lower > 1:
        return "worse than simply the last close"
    return "better than simply the last close" if ratio.upper < 1 else "no better than simply the last close"


def _section(one: Whole) -> Section:
    found = one.calibration
    return Section(
        record=one.record,
        short=in_short(one.record),
        calibration=found,
        dots=drawn.reliability(found.reliability),
        bins=drawing.histogram(found.pit),
        coverage=drawn.coverage(found.over_time),
        savings=drawn.savings(found.over_time),
    )
