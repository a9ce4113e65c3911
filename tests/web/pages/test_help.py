"""Every term has a note in plain words, from one source; the track record begins with an answer in words."""

import re
from pathlib import Path

import httpx
import pytest

from app.forecasts.ledger.track_record import Coverage, Direction, Estimate, TrackRecord
from app.web.edge import render
from app.web.views.record import in_short
from tests.web.pages.test_pages import HTML, Checked


def test_every_term_that_a_template_names_is_explained() -> None:
    """And no explanation is there in vain: each is named by a page, or by the help itself."""
    texts = "".join(path.read_text() for path in sorted(render.FOLDER.rglob("*.html")))
    named = set(re.findall(r"term\('(\w+)'", texts)) | set(re.findall(r"^  \('(\w+)', '", texts, re.MULTILINE))
    known = set(render.environment().globals["terms"])
    assert named <= known
    assert Path(render.FOLDER / "pages/help.html").exists()


async def test_the_help_explains_each_term_at_its_own_address(web: httpx.AsyncClient) -> None:
    """An anchor for each; a page's notes are the same words, open at a button without a script, and lead there."""
    page = Checked((await web.get("/help", headers=HTML)).text)
    board = (await web.get("/", headers=HTML)).text
    for key, (title, text) in render.environment().globals["terms"].items():
        assert key in page.ids
        assert f'<div id="term-{key}" class="note" popover><p><strong>{title}</strong></p><p>{text}</p>' in board
        assert f'href="/help#{key}"' in board
    opened = set(re.findall(r'popovertarget="([\w-]+)"', board))
    assert {"term-verdict", "term-expected_move", "term-usual", "term-skill", "term-crps"} <= opened
    assert opened <= set(Checked(board).ids)


@pytest.mark.parametrize("address", ["/", "/stocks/AAPL", "/jobs", "/help", "/login", "/no/such/page"])
async def test_every_page_says_that_it_is_no_advice(web: httpx.AsyncClient, address: str) -> None:
    """At its foot."""
    assert "Not investment advice" in (await web.get(address, headers=HTML)).text


def record(held: Estimate, skill: Estimate, ratio: Estimate, n: int = 500) -> TrackRecord:
    """Return a record of which only these are known."""
    nothing = Estimate(None, None, None)
    known = {"coverage": (Coverage(0.8, "all", n, held),), "crps_skill": skill, "mae_ratio": ratio, "n": n}
    others = {"direction": Direction(0, nothing, None)}
    return TrackRecord(**dict.fromkeys(TrackRecord.__dataclass_fields__) | others | known)  # type: ignore[arg-type]  # only these are read


@pytest.mark.parametrize(
    ("held", "skill", "ratio", "said"),
    [
        ((0.79, 0.77, 0.81), (0.05, 0.02, 0.08), (1.0, 0.99, 1.01), ("kept their promise", "closer to", "no better")),
        ((0.7, 0.68, 0.72), (0.01, -0.02, 0.04), (0.9, 0.85, 0.95), ("too narrow", "not shown to", "was better than")),
        ((0.9, 0.88, 0.92), (-0.05, -0.08, -0.02), (1.1, 1.05, 1.15), ("wider than they", "further from", "worse")),
        ((0.8, 0.8, 0.8), (0.05, None, None), (1.0, None, None), ("kept", "too few sessions", "too few sessions")),
    ],
)  # fmt: skip
def test_a_record_is_told_in_words(
    held: tuple[float, ...], skill: tuple[float, ...], ratio: tuple[float, ...], said: tuple[str, ...]
) -> None:
    """Only what an interval shows is claimed."""
    texts = in_short(record(Estimate(*held), Estimate(*skill), Estimate(*ratio)))
    assert len(texts) == 3
    for text, part in zip(texts, said, strict=True):
        assert part in text


def test_an_empty_record_says_nothing() -> None:
    """Before anything is settled there is nothing to tell."""
    nothing = Estimate(None, None, None)
    assert in_short(record(nothing, nothing, nothing, 0)) == ()
