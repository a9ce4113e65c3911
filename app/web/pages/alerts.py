"""The page of alerts: rules as forms that work without a script, and what became of each alert."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request
from pydantic import ValidationError
from starlette.responses import Response

from app.core.errors import BadInput
from app.monitoring.alerts import rules
from app.registry.components.levels import INTERVALS
from app.web.api import alerts as api
from app.web.edge import render
from app.web.edge.deps import ServicesDep
from app.web.edge.security import PageAdmin
from app.web.views import layout

SHOWN = 50

router = APIRouter(include_in_schema=False, default_response_class=Response)


async def fields(request: Request) -> dict[str, str]:
    """Read a form as browsers send it; what was left empty isn't there."""
    text = (await request.body()).decode("utf-8", "replace")
    return {name: values[-1].strip() for name, values in parse_qs(text).items() if values[-1].strip()}


FieldsDep = Annotated[dict[str, str], Depends(fields)]


@router.get("/alerts")
def alerts(request: Request, services: ServicesDep) -> Response:
    """Show where alerts go, the rules with a form for each kind, and the newest alerts."""
    shown = api.shown(services.settings, services.database, SHOWN)
    waiting = any(way.state == "waiting" and not way.attempts for one in shown.alerts for way in one.deliveries)
    bands = sorted(INTERVALS, reverse=True)
    again_s = 2 if waiting else None
    return layout.page(
        request, services, "alerts", "/api/alerts", (), again_s, known=shown, levels=rules.LEVELS, bands=bands
    )


@router.post("/alerts", dependencies=[PageAdmin])
def add(services: ServicesDep, given: FieldsDep) -> Response:
    """Add a rule, and return to the list. The form tells a move in per cent."""
    values: dict[str, Any] = dict(given)
    try:
        if "percent" in values:
            values["threshold"] = float(values.pop("percent").replace(",", ".")) / 100.0
        rule = api.NewRule.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise BadInput(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from None
    except ValueError:
        raise BadInput("percent: write a number such as 3") from None
    with services.database.write() as db:
        rules.add(db, services.clock.now(), **rule.model_dump())
    return render.see_other("/alerts")


@router.post("/alerts/test", dependencies=[PageAdmin])
def test(services: ServicesDep) -> Response:
    """Send a test, and show the list, in which it is the first."""
    api.send_test(services)
    return render.see_other("/alerts#alerts-title")


@router.post("/alerts/{rule}/remove", dependencies=[PageAdmin])
def remove(rule: str, services: ServicesDep) -> Response:
    """Remove a rule, and return to the list."""
    with services.database.write() as db:
        rules.remove(db, rule)
    return render.see_other("/alerts")
