"""/api: the newest monitoring report."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from app.core.errors import NotThere
from app.jobs import runs
from app.monitoring.report import Report
from app.web.edge.deps import ServicesDep

router = APIRouter(prefix="/api", tags=["monitoring"])


@router.get("/monitoring", response_model=Report)
def monitoring(services: ServicesDep) -> dict[str, Any]:
    """Return the verdict on what is served and everything it rests on, as the newest cycle found it."""
    with services.database.read() as db:
        report = runs.last_report(db)
    if report is None:
        raise NotThere("nothing was monitored yet: the first cycle does it, or `POST /api/jobs/monitor`")
    return report
