"""A model version's page: what held on sessions that trade results, and on all others."""

import re
from dataclasses import replace

import httpx

from app.core.settings import Settings
from app.registry.versions import artefact
from app.registry.versions.card import Score
from tests.web.conftest import TESTED, model


def shares_of(in_50: float, in_80: float, in_95: float, skill: float) -> Score:
    """Return a score with these shares."""
    shares = {"coverage_50": in_50, "coverage_80": in_80, "coverage_95": in_95, "crps_skill": skill}
    return TESTED.model_copy(update=shares)


EVENT, OTHER = shares_of(0.461, 0.752, 0.923, 0.094), shares_of(0.507, 0.808, 0.959, 0.018)
OF_EVENTS = ["results first traded", "46.1 %", "75.2 %", "92.3 %", "+9.4 %"]
OF_OTHERS = ["all others", "50.7 %", "80.8 %", "95.9 %", "+1.8 %"]
CAPTION = "Sessions that trade results first, and all others"


def save(settings: Settings, **by_kind: Score) -> None:
    """Store version v2, whose card tells these kinds of sessions apart."""
    made = model("v2")
    metrics = made.card.metrics.model_copy(update={"by_kind": by_kind})
    artefact.save(replace(made, card=made.card.model_copy(update={"metrics": metrics})), settings.models_dir / "v2")


async def table(web: httpx.AsyncClient) -> list[list[str]] | None:
    """Return the rows of the table of sessions by kind, None where the page has none."""
    text = (await web.get("/models/v2", headers={"accept": "text/html"})).text
    found = re.search(rf"<caption>{CAPTION}</caption>(.*?)</table>", text, re.DOTALL)
    if found is None:
        return None
    assert re.findall("<th scope=.col.[^>]*>(.*?)</th>", found[1]) == [
        *("Sessions", "In 50 %", "In 80 %", "In 95 %", "CRPS skill")
    ]
    rows = re.findall("<tr>(.*?)</tr>", found[1].split("<tbody>")[1], re.DOTALL)
    return [
        [cell.replace("\u202f", " ") for cell in re.findall("<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)]
        for row in rows
    ]


async def test_each_kind_of_session_has_its_own_row(web: httpx.AsyncClient, settings: Settings) -> None:
    """Results first, then all others, each with its own shares, in whatever order the card holds them."""
    save(settings, other=OTHER, event=EVENT)
    assert await table(web) == [OF_EVENTS, OF_OTHERS]


async def test_a_kind_that_was_not_seen_has_no_row(web: httpx.AsyncClient, settings: Settings) -> None:
    """A model without earnings days has no results' row, and one that tells no kinds apart no table."""
    save(settings, other=OTHER)
    assert await table(web) == [OF_OTHERS]


async def test_a_card_without_kinds_has_no_table(web: httpx.AsyncClient, settings: Settings) -> None:
    """What isn't known isn't shown empty."""
    save(settings)
    assert await table(web) is None


async def test_an_unknown_version_leads_to_the_list_of_pages(web: httpx.AsyncClient) -> None:
    """The page of an error names no address of the API."""
    text = (await web.get("/models/v9", headers={"accept": "text/html"})).text
    assert "; /models lists those there are" in text
