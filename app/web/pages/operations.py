"""The pages of the works: jobs, stored data, the API's own description."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from sqlmodel import func, select
from starlette.responses import Response

from app.core.public import counted
from app.jobs import plan, runs
from app.jobs.launch import launch
from app.jobs.tables import JobRun
from app.jobs.timing import timed
from app.prices.checks import quarantine
from app.prices.outcomes import common
from app.prices.store import SymbolStatus
from app.prices.store.tables import QuarantineRow
from app.web.api import prices
from app.web.api.inputs import Entry
from app.web.edge import render
from app.web.edge.deps import ServicesDep
from app.web.edge.security import PageAdmin
from app.web.views import layout

SHOWN = 50
LISTED = 100
"""Stored symbols on a page."""
SEVERAL = 3
"""A reason that so many refreshes failed for is told once, above their rows."""
STARTABLE = ("refresh", "train", "forecast", "score", "monitor")
_COUNTED = {
    "bars_changed": ("bar", "corrected"),
    "scored": ("forecast", "settled"),
    "forecasts": ("forecast", "made"),
    "in_shadow": ("forecast", "in shadow"),
    "alerts": ("alert", "found"),
    "sent": ("alert", "sent"),
    "failed": ("attempt", "failed"),
}
"""What of an outcome is counted, in a run's line."""
_NOT_DUE = {"closed": "not due"}

router = APIRouter(include_in_schema=False, default_response_class=Response)


def came_to(run: JobRun) -> str:
    """Say in a line what an ended run came to, a cycle part by part; all of it stands in its JSON."""
    outcome = run.outcome or {}
    parts = [part for part in outcome.values() if isinstance(part, dict)] if run.kind == "cycle" else [outcome]
    found: dict[str, Any] = {name: value for part in parts for name, value in part.items()}
    said = [f"{count:,} {_NOT_DUE.get(name, name)}" for name, count in found.get("outcomes", {}).items()]
    said += ["no symbol to refresh"] if found.get("symbols") == 0 else []
    said += [f"{counted(found[name], noun)} {came}" for name, (noun, came) in _COUNTED.items() if found.get(name)]
    if "winner" in found:
        end = "promoted" if found["promoted"] else found["reason"].partition(";")[0]
        said.append(f"{found['winner'].replace('_', ' ')}, version {found['version']}: {end}")
    elif "reason" in found:
        said.append(f"version {found['version']}: {found['reason']}")
    elif "known_to_mlflow" in found:
        said.append(f"version {found['champion']}{'' if found['known_to_mlflow'] else ', unknown to MLflow'}")
    elif "verdict" in found:
        said.append(found["verdict"])
    return "; ".join([*said, *(done.partition(";")[0] for done in found.get("done", []))])


@router.get("/jobs")
def jobs(request: Request, services: ServicesDep) -> Response:
    """Show the newest runs and what comes next; while one is running a browser without a script asks again."""
    with services.database.read() as db:
        recent, upcoming = timed(db, runs.recent(db, SHOWN)), plan.upcoming(db, services.clock.now())
    running = {run.kind for run in recent if run.state == "running"}
    reload_s = 2 if running else None
    shown = {"jobs": recent, "running": running, "startable": STARTABLE, "upcoming": upcoming, "came_to": came_to}
    shown["scheduler"] = services.settings.scheduler
    return layout.page(request, services, "jobs", "/api/jobs", (), reload_s, **shown)


@router.post("/jobs/{kind}", dependencies=[PageAdmin])
def start(request: Request, kind: str, services: ServicesDep) -> Response:
    """Start a job, and return to the page it was started on."""
    launch(services.settings, services.database, kind, "page")
    from_home = request.headers.get("referer", "").partition("//")[2].partition("/")[2].partition("?")[0] == ""
    return render.see_other("/" if from_home else "/jobs")


@router.post("/jobs/{run}/cancel", dependencies=[PageAdmin])
def cancel(run: str, services: ServicesDep) -> Response:
    """Ask a running job to end, and return to the list."""
    runs.ask_to_stop(services.database, run, "cancelled")
    return render.see_other("/jobs")


@router.get("/monitoring")
def monitoring(request: Request, services: ServicesDep) -> Response:
    """Show the newest monitoring report, what it rests on, how old each symbol's prices are, and what is held."""
    with services.database.read() as db:
        report, upcoming = runs.last_report(db), plan.upcoming(db, services.clock.now())
        held = db.exec(select(func.count()).select_from(QuarantineRow).where(QuarantineRow.state == "held")).one()
    stored = services.stored.all()
    ages = sorted(zip(services.all_behind(stored), stored, strict=True), key=_oldest_first)
    return layout.page(
        request,
        services,
        "monitoring",
        "/api/monitoring" if report else "/api/jobs",
        [status for _, status in ages if status.watched],
        report=report,
        made_at=datetime.fromisoformat(report["made_at"]) if report else None,
        upcoming=upcoming,
        ages=ages,
        held=held,
        failures=_failures(stored),
        reason=_reason,
    )


def _failures(stored: Sequence[SymbolStatus]) -> dict[str, int]:
    """Return each reason that several symbols' last refreshes failed for, the most frequent first, and of how many."""
    found = Counter(_reason(one) for one in stored if one.error)
    return {reason: count for reason, count in found.most_common() if count >= SEVERAL}


def _reason(status: SymbolStatus) -> str:
    return common(status.error or "", status.symbol)


def _oldest_first(aged: tuple[int | None, SymbolStatus]) -> tuple[float, str]:
    """Put what has no prices first, then what lacks most sessions."""
    behind, status = aged
    return (float("-inf") if behind is None else -float(behind), status.symbol)


@router.get("/data")
def data(request: Request, services: ServicesDep, offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0) -> Response:
    """Show where stored prices came from and how old they are, page by page, and what was put in quarantine."""
    stored = services.stored.all()
    with services.database.read() as db:
        held = quarantine.listing(db, None, SHOWN)
        total = db.exec(select(func.count()).select_from(QuarantineRow)).one()
    watched = [status for status in stored if status.watched]
    failures = _failures(stored)

    def row(one: SymbolStatus) -> str:
        shown = one, _reason(one) in failures
        return services.memo.of(("stored", one.symbol), shown, lambda: render.macro("rows", "stored")(*shown))

    shown: dict[str, Any] = {
        "statuses": stored[offset : offset + LISTED],
        "offset": offset,
        "listed": LISTED,
        "stored": len(stored),
        "failures": failures,
        "row": row,
    }
    return layout.page(request, services, "data", "/api/symbols", watched, held=held, total=total, **shown)


@router.post("/data/quarantine/{number}/{decision}", dependencies=[PageAdmin])
def decide(
    number: Entry,
    decision: Literal["release", "drop"],
    services: ServicesDep,
    back: Annotated[str, Query(max_length=100)] = "/data",
) -> Response:
    """Store a bar in quarantine all the same, or keep it out for good, and return to the list."""
    prices.decide(number, decision, services)
    return render.see_other(f"{render.own_path(back)}#held-title")


@router.get("/help")
def explain(request: Request) -> Response:
    """Explain in plain words how a forecast is read, and what each term means."""
    return render.page(request, "help", layout.around(request))


@router.get("/docs")
def docs(request: Request) -> Response:
    """Describe the API from its own OpenAPI document, without a script."""
    document = request.app.openapi()
    return render.page(request, "docs", groups=_by_tag(document), base=str(request.base_url))


def _by_tag(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            tag = (described.get("tags") or ["other"])[0]
            groups.setdefault(tag, []).append({"path": path, "method": method.upper(), **described})
    return groups
