"""/api/monitoring, the same figures in Prometheus' text, and when each job comes next."""

import httpx

from app.core.clock import Clock
from app.core.db import Database
from app.core.progress import silent
from app.core.settings import Settings
from app.jobs import runs
from app.jobs.work import cycle, monitor
from tests.web.api.test_api import strict
from tests.web.conftest import NOW


def keep(database: Database, kind: str, outcome: dict[str, object]) -> None:
    """Leave a run with this outcome behind."""
    run = runs.start(database, kind, "test", NOW)
    runs.finish(database, run.id, "done", "", outcome, NOW)


async def test_before_the_first_cycle_nothing_was_monitored(web: httpx.AsyncClient) -> None:
    """The problem says what does it; the gauges stand at NaN, which Prometheus takes for not known."""
    answer = await web.get("/api/monitoring")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "nextclose_verdict NaN" in (await web.get("/metrics")).text


async def test_the_newest_report_is_answered_and_counted(
    web: httpx.AsyncClient, seeded: Database, settings: Settings
) -> None:
    """A job's own report or a cycle's: the verdict, a sentence a reason, what it rests on."""
    report = monitor(settings, seeded, Clock(NOW), silent)
    keep(seeded, "monitor", report)
    keep(seeded, "cycle", {"refresh": {"error": "no network", "code": "source_unavailable"}})
    body = strict((await web.get("/api/monitoring")).text)
    assert body == report
    assert (body["verdict"], body["champion"], body["rows"]) == ("watch", "v1", 0)
    assert body["reasons"] == ["The prices are the bundled sample, which ends years ago."]
    page = (await web.get("/monitoring")).text
    assert "Verdict</button>: watch" in page
    assert "The prices are the bundled sample, which ends years ago." in page
    text = (await web.get("/metrics")).text
    assert "nextclose_verdict 1.0" in text
    assert 'nextclose_detector{claim="95 % band too narrow"} 0.0' in text


async def test_claims_are_a_table_by_group(web: httpx.AsyncClient, seeded: Database, settings: Settings) -> None:
    """As CSV, a row of all symbols; thirds follow where there are enough."""
    keep(seeded, "monitor", monitor(settings, seeded, Clock(NOW), silent))
    lines = (await web.get("/api/monitoring?format=csv")).text.splitlines()
    assert lines[0] == "name,kind,group,sessions,allowed,recent,value,alarms"
    assert lines[1] == "95 % band too narrow,other,all,0,0.945,,0.0,0"


async def test_a_cycle_monitors(web: httpx.AsyncClient, seeded: Database, settings: Settings) -> None:
    """The report is part of what a cycle came to."""
    sample = settings.model_copy(update={"source": "sample"})
    keep(seeded, "cycle", cycle(sample, seeded, Clock(NOW), silent))
    assert strict((await web.get("/api/monitoring")).text)["made_at"] == "2013-03-01T22:00:00Z"


async def test_jobs_say_what_comes_next(web: httpx.AsyncClient) -> None:
    """The cycle after the next close of the exchange that is watched, and the week's check; so does the page."""
    upcoming = strict((await web.get("/api/jobs")).text)["upcoming"]
    assert {"kind": "cycle", "exchange": "XNYS", "at": "2013-03-04T21:32:00Z"} in upcoming
    assert "after the close of XNYS" in (await web.get("/jobs")).text
