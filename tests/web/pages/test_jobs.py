"""The jobs' page: what runs and how far it is, what each run came to, and what comes next."""

import re

import httpx

from app.core.db import Database
from app.jobs import runs
from tests.web.conftest import NOW


async def test_jobs_are_followed_while_they_run(web: httpx.AsyncClient, seeded: Database) -> None:
    """A running job has a progress bar, a way to cancel it, and its region asks again; afterwards it stops asking."""
    run = runs.start(seeded, "train", "test", NOW)
    runs.report(seeded, run.id, 0.25, "fold 1 of 4")
    text = (await web.get("/jobs")).text
    assert "fold 1 of 4" in text
    assert 'hx-get="/jobs" hx-trigger="job, every 10s"' in text
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in text
    assert f'action="/jobs/{run.id}/cancel"' in text
    runs.finish(seeded, run.id, "done", "ridge wins", None, NOW)
    text = (await web.get("/jobs")).text
    assert "ridge wins" in text
    assert 'hx-trigger="job"' in text
    assert "/cancel" not in text


async def test_a_run_says_what_it_came_to(web: httpx.AsyncClient, seeded: Database) -> None:
    """A cycle in one line, part by part, and a training with the reason of its decision."""
    trained = {"winner": "random_forest", "version": "v2", "promoted": False, "verdict": "-", "reason": "in shadow; so"}
    review = {"duels": [], "done": ["retrained ridge: in shadow; beside the champion"], "moved_to": None}
    parts = {
        "refresh": {"symbols": 5, "outcomes": {"updated": 4, "closed": 1}, "bars_added": 4, "bars_changed": 1200},
        "score": {"scored": 4}, "monitor": {"verdict": "watch", "rows": 9}, "review": review,
        "forecast": {"forecasts": 5, "in_shadow": 0}, "alert": {"alerts": 1},
    }  # fmt: skip
    followed = {"champion": "v3", "known_to_mlflow": False}
    unwatched = {"symbols": 0, "outcomes": {}, "bars_added": 0}
    for kind, outcome in (("train", trained), ("cycle", parts), ("alias", followed), ("refresh", unwatched)):
        runs.finish(seeded, runs.start(seeded, kind, "test", NOW).id, "done", "done", outcome, NOW)
    text = (await web.get("/jobs")).text
    assert "random forest, version v2: in shadow</td>" in text
    assert "version v3, unknown to MLflow</td>" in text
    assert '<td class="text">no symbol to refresh</td>' in text
    cycle = (
        "4 updated; 1 not due; 1,200 bars corrected; 4 forecasts settled; 5 forecasts made; 1 alert found; watch; "
        "retrained ridge: in shadow"
    )
    assert cycle in text


async def test_a_job_is_cancelled_by_its_button(web: httpx.AsyncClient, seeded: Database) -> None:
    """The page comes back and says that it is stopping; what ended badly is named in plain words."""
    run = runs.start(seeded, "train", "test", NOW)
    answer = await web.post(f"/jobs/{run.id}/cancel")
    assert (answer.status_code, answer.headers["location"]) == (303, "/jobs")
    text = (await web.get("/jobs")).text
    assert '<span class="chip" data-state="running">stopping</span>' in text
    assert "/cancel" not in text
    runs.finish(seeded, run.id, "lost", "its process is gone", None, NOW)
    lost = runs.start(seeded, "train", "test", NOW)
    runs.finish(seeded, lost.id, "lost", "its process is gone", None, NOW)
    text = (await web.get("/jobs")).text
    assert '<span class="chip" data-state="cancelled">cancelled</span>' in text
    assert '<span class="chip" data-state="lost">interrupted</span>' in text


async def test_the_schedule_says_what_comes_next_and_why(web: httpx.AsyncClient) -> None:
    """The cycle after the next close, and the weekly check."""
    text = (await web.get("/jobs")).text
    assert re.search(r'<time datetime="2013-03-04T21:32:00Z">.*?cycle.*?after the close of XNYS', text, re.DOTALL)
    assert "once a week, when nothing else runs" in text
