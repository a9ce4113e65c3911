"""/api/alerts: the rules, the newest alerts and how their delivery stands; adding, removing and testing."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field, field_validator
from starlette.responses import Response

from app.core.db import Database
from app.core.errors import JobRunning
from app.core.settings import Settings, masked
from app.jobs.launch import launch
from app.monitoring.alerts import outbox, rules
from app.monitoring.alerts.delivery import put_test
from app.monitoring.alerts.tables import Alert, Delivery, Kind, Rule
from app.web.api.inputs import BodyStock
from app.web.edge import csv
from app.web.edge.deps import Services, ServicesDep
from app.web.edge.security import Admin
from app.web.predictions.schemas import Schema

router = APIRouter(prefix="/api")


class NewRule(Schema):
    """A rule to add; what isn't said is the usual."""

    kind: Kind
    symbol: BodyStock = Field(None, description="Only this one; else every watched symbol")
    level: Literal["watch", "degraded", "any"] | None = Field(None, description="Of a verdict: this or worse")
    threshold: float | None = Field(
        None, allow_inf_nan=False, description="stale: sessions lacking; band: its level; move: a share, 0.03 for 3 %"
    )

    @field_validator("threshold", mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        """Refuse what JSON has beside numbers and Pydantic takes for 0 and 1."""
        if isinstance(value, bool):
            raise ValueError("a number is asked for")  # noqa: TRY004 - Pydantic reports this one
        return value


class ToldRule(Rule):
    """A rule, and when it alerts in words."""

    when: str


class ToldAlert(Alert):
    """An alert and its deliveries."""

    deliveries: list[Delivery]


class Alerts(Schema):
    """Where alerts go (addresses without what is secret in them), the rules, and the newest alerts."""

    webhook: str | None
    mail: str | None
    rules: list[ToldRule]
    alerts: list[ToldAlert]


@router.get("/alerts", tags=["monitoring"], response_model=Alerts, responses=csv.OFFERED)
def alerts(
    services: ServicesDep,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    shape: csv.Format = "json",
) -> Alerts | Response:
    """List the rules, and the newest alerts with how their delivery stands."""
    found = shown(services.settings, services.database, limit)
    return csv.table(found, "alerts", "alerts") if shape == "csv" else found


@router.post("/alerts", tags=["changes"], status_code=201, dependencies=[Admin])
def add(rule: NewRule, services: ServicesDep) -> ToldRule:
    """Add a rule; it is asked at the end of each cycle."""
    with services.database.write() as db:
        made = rules.add(db, services.clock.now(), **rule.model_dump())
    return _told(made)


@router.post("/alerts/test", tags=["changes"], status_code=202, dependencies=[Admin])
def test(services: ServicesDep) -> Alert:
    """Send a test to every address that is set; `/api/alerts` tells whether it arrived."""
    return send_test(services)


@router.delete("/alerts/{rule}", tags=["changes"], status_code=204, dependencies=[Admin])
def remove(rule: Annotated[str, Path(max_length=26, description="A rule's id")], services: ServicesDep) -> Response:
    """Remove a rule; its alerts stay."""
    with services.database.write() as db:
        rules.remove(db, rule)
    return Response(status_code=204)


def shown(settings: Settings, database: Database, limit: int) -> Alerts:
    """Return what the page, the API and the command line show."""
    with database.read() as db:
        kept, told = rules.stored(db), outbox.recent(db, limit)
    used = outbox.channels(settings)
    return Alerts(
        webhook=masked(settings.alert_url),
        mail=settings.alert_mail if "mail" in used else None,
        rules=[_told(one) for one in kept],
        alerts=[ToldAlert.model_validate(one.alert, update={"deliveries": list(one.deliveries)}) for one in told],
    )


def send_test(services: Services) -> Alert:
    """Put a test into the outbox and start its delivery. Errors: `BadInput` where no address is set."""
    made = put_test(services.settings, services.database, services.clock.now())
    with suppress(JobRunning):  # the scheduler's next look finds it
        launch(services.settings, services.database, "deliver", "test")
    return made


def _told(rule: Rule) -> ToldRule:
    return ToldRule.model_validate(rule, update={"when": rules.told(rule)})
