"""What the API says of versions beside each other: the contest by part, differences, features, dependence."""

import httpx
import pytest

from app.core.db import Database
from app.core.settings import Settings
from app.registry.promotion import champion
from app.registry.versions import artefact
from app.registry.versions.card import Metrics, WeekLoss
from app.training.contest.parts import parts
from tests.web.conftest import CONTEST, NOW, TESTED, model

WEEKS = {f"2012-01-{day:02d}": WeekLoss(n=5, crps=0.01 + 0.0001 * day, crps_random_walk=0.012) for day in range(1, 21)}
WORSE = {week: loss.model_copy(update={"crps": loss.crps * 1.1}) for week, loss in WEEKS.items()}


@pytest.fixture
def judged(settings: Settings, seeded: Database) -> str:
    """Store version v2 with a contest of two by part, and make it the champion."""
    made = model("v2")
    metrics = {
        name: Metrics(overall=TESTED, by_fold={"001": TESTED, "002": TESTED}, by_year={"2012": TESTED}, by_week=weeks)
        for name, weeks in (("ridge", WEEKS), ("random_walk", WORSE))
    }
    card = made.card.model_copy(update={"metrics": metrics["ridge"]})
    artefact.save(type(made)(card, made.pipeline), settings.models_dir / "v2")
    evidence = {"contest": CONTEST, "parts": parts(metrics), "mlflow_run": "0123abcd", "code": "c" * 64}
    champion.promote(settings, seeded, "v2", "best of two", evidence, NOW)
    return "v2"


async def test_a_contest_is_told_by_part(web: httpx.AsyncClient, judged: str) -> None:
    """One number a piece for each candidate; an older contest has its table alone."""
    found = (await web.get(f"/api/models/{judged}/contest")).json()
    assert found["winner"] == "ridge"
    assert [row["name"] for row in found["candidates"]] == ["ridge", "random_walk"]
    assert found["parts"]["fold"]["keys"] == ["001", "002"]
    assert found["parts"]["fold"]["candidates"]["random_walk"]["crps_skill"] == [0.016, 0.016]
    older = (await web.get("/api/models/v1/contest")).json()
    assert (older["parts"], len(older["candidates"])) == ({}, 2)
    assert (await web.get("/api/models/v9/contest")).status_code == 404


async def test_lists_leave_the_long_parts_out(web: httpx.AsyncClient, judged: str) -> None:
    """They have an address of their own."""
    for path in ("/api/models", "/api/models/decisions", f"/api/models/{judged}"):
        for one in (await web.get(path)).json()["decisions"]:
            assert "parts" not in one["evidence"], path


async def test_versions_and_candidates_are_compared(web: httpx.AsyncClient, judged: str) -> None:
    """By how much the second lies behind the first on common weeks, with its interval; oneself doesn't differ."""
    asked = {"entrant": [judged, f"{judged}/random_walk"]}
    found = (await web.get("/api/models/comparison", params=asked)).json()
    own, other = found["entrants"]
    assert (found["first"], own["behind"], own["differs"]) == (judged, 0.0, False)
    assert (other["weeks"], other["rows"], other["differs"]) == (20, 100, True)
    assert other["behind"] == pytest.approx(0.1)
    assert other["behind_low"] <= other["behind"] <= other["behind_high"]


async def test_what_has_no_weeks_in_common_isnt_compared(web: httpx.AsyncClient, judged: str) -> None:
    """Nulls, not zeros; and what isn't there is named."""
    found = (await web.get("/api/models/comparison", params={"entrant": [judged, "v1"]})).json()["entrants"][1]
    assert (found["weeks"], found["behind"], found["differs"]) == (0, None, None)
    unknown = await web.get("/api/models/comparison", params={"entrant": [judged, f"{judged}/oracle"]})
    assert unknown.status_code == 422
    assert "ridge, random_walk" in unknown.json()["detail"]
    older = await web.get("/api/models/comparison", params={"entrant": "v1/ridge"})
    assert (older.status_code, older.json()["code"]) == (404, "not_found")


async def test_features_and_their_dependence(web: httpx.AsyncClient) -> None:
    """Every feature of the card with its share; the dependence of one, and a clear word on one that isn't read."""
    found = (await web.get("/api/models/v1/importance")).json()["importance"]
    card = (await web.get("/api/models/v1")).json()["card"]
    assert {one["feature"] for one in found} <= set(card["features"])
    drawn = (await web.get("/api/models/v1/dependence?feature=range_1")).json()
    assert (drawn["feature"], drawn["symbols"], drawn["as_of"]) == ("range_1", 4, "2013-03-01")
    assert len(drawn["points"]) == 19
    again = (await web.get("/api/models/v1/dependence?feature=range_1")).json()
    assert again == drawn
    missing = await web.get("/api/models/v1/dependence?feature=nonsense")
    assert (missing.status_code, "nonsense" in missing.json()["detail"]) == (404, True)
    for version in ("v9", "v'1", "é"):
        assert (await web.get(f"/api/models/{version}/dependence?feature=range_1")).status_code == 404


async def test_the_page_shows_folds_features_and_origin(web: httpx.AsyncClient, judged: str) -> None:
    """The drawing and its numbers, the hashes, and MLflow's run: its id, for no address of MLflow's pages is known."""
    text = (await web.get(f"/models/{judged}", headers={"accept": "text/html"})).text
    assert text.count('r="3.4"') == 2  # two folds; of baselines the random walk is the zero line
    assert "Fold by fold" in text
    assert "What it makes of its features" in text
    assert "c" * 64 in text
    assert ">0123abcd</dd>" in text
    listed = (await web.get("/models", headers={"accept": "text/html"})).text
    assert 'action="/models/v1/promote"' in listed
    assert 'action="/models/rollback"' in listed
