"""/api: the newest monitoring report."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import TypeAdapter
from starlette.responses import Response

from app.core.errors import NotThere
from app.jobs import runs
from app.monitoring.report import Report
from app.web.edge import csv
from app.web.edge.deps import ServicesDep

router = APIRouter(prefix="/api", tags=["monitoring"])


_REPORT = TypeAdapter(Report)
_CLAIM = ("name", "kind", "group", "sessions", "allowed", "recent", "value", "alarms")


@router.get("/monitoring", response_model=Report, responses=csv.OFFERED)
def monitoring(
    services: ServicesDep,
    shape: csv.Format = "json",
    table: Annotated[Literal["claims", "drift"], Query(description="Which of its lists, as CSV")] = "claims",
) -> dict[str, Any] | Response:
    """Return the verdict on what is served and everything it rests on, as the newest cycle found it."""
    with services.database.read() as db:
        report = runs.last_report(db)
    if report is None:
        raise NotThere("nothing was monitored yet: the first cycle does it, or `POST /api/jobs/monitor`")
    if shape == "json":
        return report
    found = _REPORT.validate_python(report)
    if table == "claims":
        lines = ({**one, "name": claim.name, "kind": claim.kind} for claim in found.claims for one in claim.lines())
        return csv.answer(lines, _CLAIM, "claims")
    if found.drift is None:
        raise NotThere("the newest report has no drift: there was no champion, or too little history")
    return csv.table(found.drift, "features", "drift")
